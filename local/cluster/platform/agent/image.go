package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// leastBytes is the smallest file system that mkfs.xfs makes. As with EBS, whoever asks for less gets the least.
const leastBytes = 300 << 20

// volume is a folder of ours with the data of one claim: `claim`, its namespace and name; `mount/data`, what the pod
// sees; and, where its size is limited, `image`, a file with an XFS of that size, mounted at `mount`.
// XFS, because growing a mounted ext4 takes CAP_SYS_RESOURCE. `data` is in the file system itself: while that is not
// mounted, the path is missing, and no pod starts on an empty folder.
type volume string

func (v volume) claim() string { return filepath.Join(string(v), "claim") }
func (v volume) image() string { return filepath.Join(string(v), "image") }
func (v volume) mount() string { return filepath.Join(string(v), "mount") }
func (v volume) data() string  { return filepath.Join(v.mount(), "data") }

// bytes is the size of the image; 0 for a plain folder.
func (v volume) bytes() int64 {
	info, err := os.Stat(v.image())
	if err != nil {
		return 0
	}
	return info.Size()
}

// limited makes the image, unless there is one, or data without one.
func (v volume) limited(bytes int64) error {
	if v.bytes() != 0 || exists(v.data()) {
		return nil
	}
	unfinished := v.image() + ".new"
	defer os.Remove(unfinished)
	file, err := os.Create(unfinished)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := reserve(file, max(bytes, leastBytes)); err != nil {
		return err
	}
	// Two allocation groups: growing adds more of the same size. Without discarding, or the room would be given back.
	if err := call("mkfs.xfs", "-q", "-f", "-K", "-d", "agcount=2", unfinished); err != nil {
		return err
	}
	return os.Rename(unfinished, v.image())
}

// ready mounts the image, where there is one, makes it as large as asked, and makes the folder for the data.
func (v volume) ready(bytes int64) error {
	if err := os.MkdirAll(v.mount(), 0o755); err != nil {
		return err
	}
	if v.bytes() != 0 {
		if mounted, err := device(v.mount()); err != nil {
			return err
		} else if mounted == "" {
			// The loop device goes with the last mount of it: with the node, at the latest.
			if err := call("mount", "-o", "loop", v.image(), v.mount()); err != nil {
				return err
			}
		}
		if err := v.grow(bytes); err != nil {
			return err
		}
	}
	if err := os.Mkdir(v.data(), 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// grow makes a mounted file system larger. It never gets smaller, and a folder has no size.
func (v volume) grow(bytes int64) error {
	if has := v.bytes(); has == 0 {
		return nil
	} else if bytes > has {
		file, err := os.OpenFile(v.image(), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := reserve(file, bytes); err != nil {
			return err
		}
	}
	loop, err := device(v.mount())
	if err != nil {
		return err
	}
	if err := call("losetup", "--set-capacity", loop); err != nil {
		return err
	}
	return call("xfs_growfs", v.mount())
}

// reserve makes a file as large as asked, with all its room on the disk: on a disk that is full, a file system in a
// sparse file loses what it has taken from its writers. Where the disk can't reserve, the file is sparse.
func reserve(file *os.File, bytes int64) error {
	err := syscall.Fallocate(int(file.Fd()), 0, 0, bytes)
	if errors.Is(err, syscall.EOPNOTSUPP) {
		return file.Truncate(bytes)
	}
	if err != nil {
		return fmt.Errorf("reserve %d MiB for %s: %w", bytes>>20, file.Name(), err)
	}
	return nil
}

// remove deletes the data.
func (v volume) remove() error {
	if err := syscall.Unmount(v.mount(), 0); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("unmount %s: %w", v.mount(), err)
	}
	return os.RemoveAll(string(v))
}

// device is what is mounted at a path; empty when nothing is.
func device(path string) (string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	return deviceAt(string(mounts), path), err
}

// deviceAt reads the fields of proc(5), /proc/pid/mountinfo: the mount point is the fifth, the source the second after
// the separator. The last mount of a path is the one that is seen.
func deviceAt(mountinfo, path string) (found string) {
	escape := strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`)
	for line := range strings.Lines(mountinfo) {
		before, after, _ := strings.Cut(line, " - ")
		if fields := strings.Fields(before); len(fields) > 4 && fields[4] == escape.Replace(path) {
			if source := strings.Fields(after); len(source) > 1 {
				found = source[1]
			}
		}
	}
	return found
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// call runs a program of the node; its error is what the program says.
func call(name string, arguments ...string) error {
	if said, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(said)))
	}
	return nil
}
