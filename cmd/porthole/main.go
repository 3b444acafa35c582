// Command porthole turns a webcam, or any WHIP publisher, into a stream that
// browsers and WHEP players watch.
//
// This package owns the command line: the commands, the table of settings, the log,
// exit codes and the lines a person reads. The server, and the order in which its parts
// start and stop, is internal/server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"porthole/internal/backlog"
)

// Exit codes. Scripts rely on them: 2 means that nothing was tried, because
// what was asked for makes no sense; 1 that it was tried and failed.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run is the whole program without os.Exit, so that tests can call it. It
// returns the exit code, and leaves no goroutine and no socket behind.
//
// The first SIGINT or SIGTERM cancels the command's context, and so does the
// end of ctx; the second signal ends the process at once, by the default
// action of the system.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	unregister := context.AfterFunc(ctx, stop)
	defer unregister()

	err := dispatch(ctx, terminal{args: args, environ: environ, stdout: stdout, stderr: stderr})
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.Is(err, errReported):
		return exitFailure
	}
	last := backlog.New(backlog.Config{Out: stderr}) // which may be a pipe that nobody reads
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(last, "porthole: %s\n", strings.TrimSuffix(line, "\n"))
	}
	last.Close(flushWithin)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailure
}

// terminal is what a command has of the outside world.
type terminal struct {
	args           []string // after the command's name
	environ        []string // NAME=VALUE
	stdout, stderr io.Writer
}

// has says whether a variable is set to anything.
func (t terminal) has(variable string) bool {
	return slices.ContainsFunc(t.environ, func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		return name == variable && value != ""
	})
}

// command is one of the sub-commands.
type command struct {
	name    string
	summary string
	run     func(ctx context.Context, t terminal) error
}

// commands lists the sub-commands in the order in which help shows them.
func commands() []command {
	return []command{
		{"serve", "serve the camera and WHIP publishers to viewers (the default)", serveCommand},
		{"doctor", "look for what would be in the way of serve, and say what to do about it", doctorCommand},
		{"devices", "list cameras, what they can do, and microphones", devicesCommand},
		{"load", "watch a WHEP URL with many viewers and report what they got", loadCommand},
		{"completion", "print a script that lets bash, zsh or fish complete what is typed", completionCommand},
		{"version", "print the version", versionCommand},
	}
}

// dispatch picks the sub-command: the first argument when it is not a flag,
// "serve" when there is none.
func dispatch(ctx context.Context, t terminal) error {
	if len(t.args) == 0 {
		return serveCommand(ctx, t)
	}
	name := t.args[0]
	if isVersion(name) {
		name = "version"
	} else if strings.HasPrefix(name, "-") && !isHelp(name) {
		return serveCommand(ctx, t)
	}
	t.args = t.args[1:]
	if isHelp(name) {
		return helpCommand(ctx, t)
	}
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, t)
		}
	}
	return usagef("unknown command %q; the commands are %s, and `porthole help` explains them", name, commandNames())
}

func isHelp(arg string) bool {
	return arg == "help" || arg == "-h" || arg == "-help" || arg == "--help"
}

func isVersion(arg string) bool {
	return arg == "-v" || arg == "-version" || arg == "--version"
}

func commandNames() string {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// helpCommand prints the overview, or the help of the command named after it.
func helpCommand(ctx context.Context, t terminal) error {
	if len(t.args) > 0 && !isHelp(t.args[0]) {
		t.args = []string{t.args[0], "--help"}
		return dispatch(ctx, t)
	}
	fmt.Fprint(t.stdout, "Porthole turns a webcam into a stream that anyone can watch.\n\n"+
		"  porthole [COMMAND] [FLAGS]\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(t.stdout, "  %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprint(t.stdout, "  help       this text; `porthole help COMMAND` explains a command\n\n")
	printServeFlags(t.stdout)
	return nil
}
