package netlab

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Inside calls do on the machine: sockets that it opens and programs that it starts belong to the machine's network for
// as long as they live. Goroutines that do starts are elsewhere.
func (m *Machine) Inside(do func()) error {
	here, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("find this thread's network: %w", err)
	}
	defer unix.Close(here)
	there, err := unix.Open(filepath.Join("/run/netns", m.Namespace), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("find the network of %s: %w", m.Namespace, err)
	}
	defer unix.Close(there)
	// The thread, not the process, enters the namespace.
	runtime.LockOSThread()
	if err := unix.Setns(there, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter %s: %w", m.Namespace, err)
	}
	defer func() {
		// A thread that cannot come back stays locked and ends with its goroutine.
		if unix.Setns(here, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
	}()
	do()
	return nil
}

// endWithParent has the kernel kill a program when the thread that starts it ends.
func endWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
