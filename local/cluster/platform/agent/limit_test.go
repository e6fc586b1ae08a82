package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Writes until the volume is full; how much that was.
func fill(t *testing.T, path string) int64 {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	written, block := int64(0), make([]byte, 1<<20)
	for {
		n, err := file.Write(block)
		written += int64(n)
		if errors.Is(err, syscall.ENOSPC) {
			return written
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func loops(t *testing.T, below string) (found []string) {
	t.Helper()
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if text, err := os.ReadFile(path); err == nil && strings.HasPrefix(string(text), below) {
			found = append(found, path)
		}
	}
	return found
}

func TestAVolumeHasASizeAndGrows(t *testing.T) {
	if loop, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0); err != nil {
		t.Skip("no loop devices: ", err)
	} else {
		loop.Close()
	}
	root := t.TempDir()
	v := volumes{root: root, limit: true}
	made, err := v.make("pvc-1", "journal", "data-0", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer made.remove()
	if made.bytes() != leastBytes {
		t.Errorf("it has %d bytes", made.bytes())
	}
	var info syscall.Stat_t
	if err := syscall.Stat(made.image(), &info); err != nil || info.Blocks*512 < leastBytes {
		t.Errorf("only %d bytes of the disk are reserved for it: %v", info.Blocks*512, err)
	}
	first := fill(t, filepath.Join(made.data(), "file"))
	if first < 100<<20 || first > leastBytes {
		t.Errorf("%d bytes fit into it", first)
	}
	if again, err := v.make("pvc-1", "journal", "data-0", 1); err != nil || again != made || len(loops(t, root)) != 1 {
		t.Errorf("made again: %v, %v, %v", again, err, loops(t, root))
	}
	if err := made.grow(2 * leastBytes); err != nil {
		t.Fatal(err)
	}
	if more := fill(t, filepath.Join(made.data(), "file")); more < leastBytes/2 || more > leastBytes*3/2 {
		t.Errorf("%d bytes more fit into it", more)
	}
	if err := made.grow(1); err != nil || made.bytes() != 2*leastBytes {
		t.Errorf("it shrank: %v, %d bytes", err, made.bytes())
	}
	if err := made.remove(); err != nil || exists(string(made)) || len(loops(t, root)) != 0 {
		t.Errorf("it stays: %v, %v", err, loops(t, root))
	}
}
