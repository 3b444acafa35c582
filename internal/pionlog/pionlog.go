// Package pionlog passes the log lines of pion's packages to slog.
package pionlog

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// Log passes pion's log lines to slog. They are all at debug: pion warns of
// whatever a stranger sends to an open port, and what matters to us arrives as an
// error or a state. Trace lines are left out.
type Log struct {
	Log   *slog.Logger
	Scope string // which part of pion it is
}

var (
	_ logging.LoggerFactory = Log{}
	_ logging.LeveledLogger = Log{}
)

// NewLogger returns a logger for one of pion's packages.
func (l Log) NewLogger(scope string) logging.LeveledLogger {
	return Log{Log: l.Log, Scope: scope}
}

func (l Log) write(level, msg string) {
	l.Log.LogAttrs(context.Background(), slog.LevelDebug, msg, slog.String("pion", l.Scope), slog.String("severity", level))
}

func (l Log) writef(level, format string, args []any) {
	if l.Log.Enabled(context.Background(), slog.LevelDebug) {
		l.write(level, fmt.Sprintf(format, args...))
	}
}

// Trace drops a line.
func (Log) Trace(string) {}

// Tracef drops a line.
func (Log) Tracef(string, ...any) {}

// Debug logs a line.
func (l Log) Debug(msg string) { l.write("debug", msg) }

// Debugf logs a line.
func (l Log) Debugf(format string, a ...any) { l.writef("debug", format, a) }

// Info logs a line.
func (l Log) Info(msg string) { l.write("info", msg) }

// Infof logs a line.
func (l Log) Infof(format string, a ...any) { l.writef("info", format, a) }

// Warn logs a line.
func (l Log) Warn(msg string) { l.write("warn", msg) }

// Warnf logs a line.
func (l Log) Warnf(format string, a ...any) { l.writef("warn", format, a) }

// Error logs a line.
func (l Log) Error(msg string) { l.write("error", msg) }

// Errorf logs a line.
func (l Log) Errorf(format string, a ...any) { l.writef("error", format, a) }
