package peer

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLog passes pion's log lines to slog. They are all at debug: pion warns of
// whatever a stranger sends to an open port, and what matters to us arrives as an
// error or a state. Trace lines are left out.
type pionLog struct {
	log   *slog.Logger
	scope string
}

var (
	_ logging.LoggerFactory = pionLog{}
	_ logging.LeveledLogger = pionLog{}
)

// NewLogger returns a logger for one of pion's packages.
func (l pionLog) NewLogger(scope string) logging.LeveledLogger {
	return pionLog{log: l.log, scope: scope}
}

func (l pionLog) write(level, msg string) {
	l.log.LogAttrs(context.Background(), slog.LevelDebug, msg, slog.String("pion", l.scope), slog.String("severity", level))
}

func (l pionLog) writef(level, format string, args []any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.write(level, fmt.Sprintf(format, args...))
	}
}

// Trace drops a line.
func (pionLog) Trace(string) {}

// Tracef drops a line.
func (pionLog) Tracef(string, ...any) {}

// Debug logs a line.
func (l pionLog) Debug(msg string) { l.write("debug", msg) }

// Debugf logs a line.
func (l pionLog) Debugf(format string, a ...any) { l.writef("debug", format, a) }

// Info logs a line.
func (l pionLog) Info(msg string) { l.write("info", msg) }

// Infof logs a line.
func (l pionLog) Infof(format string, a ...any) { l.writef("info", format, a) }

// Warn logs a line.
func (l pionLog) Warn(msg string) { l.write("warn", msg) }

// Warnf logs a line.
func (l pionLog) Warnf(format string, a ...any) { l.writef("warn", format, a) }

// Error logs a line.
func (l pionLog) Error(msg string) { l.write("error", msg) }

// Errorf logs a line.
func (l pionLog) Errorf(format string, a ...any) { l.writef("error", format, a) }
