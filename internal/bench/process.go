package main

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

var errEnded = errors.New("ended too early")

// process is one that bench has started: a server, a publisher, viewers. It must
// be stopped.
type process struct {
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

// start runs a program whose log on standard error is JSON, one record per line.
func start(name, path string, args ...string) (*process, error) {
	p := &process{
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

func (p *process) readLog(log io.Reader) {
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
func (p *process) record(message string) (record json.RawMessage, news <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.records[message], p.news
}

// await waits for a record with a message and decodes it into to.
func (p *process) await(ctx context.Context, message string, to any) error {
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
				return p.failure(errEnded)
			}
		case <-ctx.Done():
			return p.failure(fmt.Errorf("wait for %q: %w", message, context.Cause(ctx)))
		}
	}
}

// failure wraps what went wrong with the process, and what it said itself.
func (p *process) failure(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tail) > 0 {
		return fmt.Errorf("%s: %w; it logged:\n%s", p.name, err, strings.Join(p.tail, "\n"))
	}
	return fmt.Errorf("%s: %w", p.name, err)
}

// stop ends the process, by force when it does not end by itself, and waits. The
// error says that it did not end well. A second call tells the same.
func (p *process) stop() error {
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
		return p.failure(p.err)
	}
	return nil
}

// wait waits for a process that ends by itself.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.exited:
		if p.err != nil {
			return p.failure(p.err)
		}
		return nil
	case <-ctx.Done():
		return p.failure(context.Cause(ctx))
	}
}

// result decodes what an ended process printed.
func (p *process) result(to any) error {
	if err := json.Unmarshal(p.stdout.Bytes(), to); err != nil {
		return p.failure(fmt.Errorf("its result is not readable: %w", err))
	}
	return nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }
