// Package process runs the programs that a benchmark consists of, reads what they log, and ends them.
package process

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopTime is how long a process may take to end when it is told to.
const stopTime = 15 * time.Second

// ErrEnded says that a process ended before it said what was awaited.
var ErrEnded = errors.New("ended too early")

// Process is one that was started: a server, a publisher, viewers. It must
// be stopped.
type Process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout bytes.Buffer  // to be read after exited
	exited chan struct{} // closed when the process has ended and all it wrote is read
	err    error         // how it ended; to be read after exited

	mu      sync.Mutex
	records map[string]json.RawMessage // the last log record of each message
	tail    []string                   // last lines of its log
	news    chan struct{}              // closed and replaced when a record comes
}

// Start runs a program whose log on standard error is JSON, one record per line.
func Start(name, path string, args ...string) (*Process, error) {
	p := &Process{
		name: name, cmd: exec.Command(path, args...), //nolint:noctx // stop ends it, with a chance to end well
		exited: make(chan struct{}), records: make(map[string]json.RawMessage), news: make(chan struct{}),
	}
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.stdin = stdin
	p.cmd.Stdout = &p.stdout
	log, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { // ends with the process; stop waits for it
		defer close(p.exited)
		p.readLog(log)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

func (p *Process) readLog(log io.Reader) {
	const kept = 5
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := bytes.Clone(lines.Bytes())
		var record struct{ Msg string }
		fault := json.Unmarshal(line, &record)
		p.mu.Lock()
		if fault == nil {
			p.records[record.Msg] = line
		}
		p.tail = append(p.tail, string(line))
		p.tail = p.tail[max(0, len(p.tail)-kept):]
		close(p.news)
		p.news = make(chan struct{})
		p.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, log) // after a line that is too long: the process must be able to write
}

// record returns the last record with a message.
func (p *Process) record(message string) (record json.RawMessage, news <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.records[message], p.news
}

// Await waits for a record with a message and decodes it into to.
func (p *Process) Await(ctx context.Context, message string, to any) error {
	for {
		record, news := p.record(message)
		if record != nil {
			if err := json.Unmarshal(record, to); err != nil {
				return fmt.Errorf("%s logged a strange record %s: %w", p.name, record, err)
			}
			return nil
		}
		select {
		case <-news:
		case <-p.exited:
			if record, _ := p.record(message); record == nil {
				return p.Failure(ErrEnded)
			}
		case <-ctx.Done():
			return p.Failure(fmt.Errorf("wait for %q: %w", message, context.Cause(ctx)))
		}
	}
}

// Failure wraps what went wrong with the process, and what it said itself.
func (p *Process) Failure(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tail) > 0 {
		return fmt.Errorf("%s: %w; it logged:\n%s", p.name, err, strings.Join(p.tail, "\n"))
	}
	return fmt.Errorf("%s: %w", p.name, err)
}

// Stop ends the process, by force when it does not end by itself, and waits. The
// error says that it did not end well. A second call tells the same.
func (p *Process) Stop() error {
	_ = p.stdin.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails when it has ended
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	if p.err != nil {
		return p.Failure(p.err)
	}
	return nil
}

// Wait waits for a process that ends by itself.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.exited:
		if p.err != nil {
			return p.Failure(p.err)
		}
		return nil
	case <-ctx.Done():
		return p.Failure(context.Cause(ctx))
	}
}

// Result decodes what an ended process printed.
func (p *Process) Result(to any) error {
	if err := json.Unmarshal(p.stdout.Bytes(), to); err != nil {
		return p.Failure(fmt.Errorf("its result is not readable: %w", err))
	}
	return nil
}

// PID is its process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }
