// Signals and processes on Linux, for argoexec: its Go module has this file for other systems alone.

package osspecific

import (
	"os"
	"syscall"

	"github.com/argoproj/argo-workflows/v4/util/errors"
)

// Term asks a step to stop.
var Term = syscall.SIGTERM

// CanIgnoreSignal says whether a signal is the executor's own: of a child that ended, or of Go's scheduler.
func CanIgnoreSignal(received os.Signal) bool {
	switch received {
	case syscall.SIGCHLD, syscall.SIGURG:
		return true
	default:
		return false
	}
}

// Setpgid makes a step's process the first of a group of its own.
func Setpgid(attributes *syscall.SysProcAttr) {
	attributes.Setpgid = true
}

// Kill sends a signal to the whole group of a process, or to the process where there is no such group.
func Kill(pid int, signal syscall.Signal) error {
	if group, err := syscall.Getpgid(pid); err == nil && group == pid {
		return syscall.Kill(-pid, signal)
	}
	return syscall.Kill(pid, signal)
}

// Wait waits until a process ends, and returns how, where that is not with 0. A signal counts 128 more, as in a shell.
// What the process started and left behind ends with the container.
//
// The command belongs to a context that ends with the first SIGTERM, and would kill the process then. Released, it gets
// the signal alone, and has the time that the pod leaves it. Its number stays, by which signals are passed on.
func Wait(process *os.Process) error {
	pid := process.Pid
	if err := process.Release(); err != nil {
		return err
	}
	process.Pid = pid
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(pid, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		break
	}
	switch {
	case status.Signaled():
		return errors.NewExitErr(128 + int(status.Signal()))
	case status.ExitStatus() != 0:
		return errors.NewExitErr(status.ExitStatus())
	default:
		return nil
	}
}
