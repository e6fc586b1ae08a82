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
func Wait(process *os.Process) error {
	ended, err := process.Wait()
	if err != nil {
		return err
	}
	status, known := ended.Sys().(syscall.WaitStatus)
	switch {
	case known && status.Signaled():
		return errors.NewExitErr(128 + int(status.Signal()))
	case !ended.Success():
		return errors.NewExitErr(ended.ExitCode())
	default:
		return nil
	}
}
