package program

import (
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// termTime is how long a program may take to end when it is asked to.
const termTime = 2 * time.Second

// process is a program in a process group of its own, which does not outlive this process.
type process struct {
	pid  int
	done chan struct{} // closed when it has ended
	err  error         // set before
}

// start starts cmd. The kernel ends it when the thread that started it ends, so that one is kept until then.
func start(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second // for children that hold its standard error open
	p := &process{done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		defer close(p.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			_ = syscall.Kill(-p.pid, syscall.SIGKILL) // what it left behind; nothing, mostly
		}
	}()
	if err := <-started; err != nil {
		<-p.done
		return nil, err
	}
	return p, nil
}

// stop ends the whole group and waits for the program.
func (p *process) stop() {
	select {
	case <-p.done:
		return
	default:
	}
	_ = syscall.Kill(-p.pid, syscall.SIGTERM) // it may have ended by now
	select {
	case <-p.done:
		return
	case <-time.After(termTime):
	}
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	<-p.done
}
