// Package panics gives what is logged about a recovered panic one form, wherever it was
// recovered, so that it can be found, and told whose it was. AsError is for calls of other people's
// code, whose panic is one more way to fail.
package panics

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// Log logs a panic with its stack. It is for deferred functions, whose stack still is that
// of the panic. where says in which code it was; attrs are those of slog, such as the
// session that it ends.
func Log(log *slog.Logger, where string, value any, attrs ...any) {
	log.Error("panic in "+where, append(attrs, "panic", value, "stack", string(debug.Stack()))...)
}

// ErrPanic is wrapped by the error that AsError makes of a panic.
var ErrPanic = errors.New("panicked with")

// AsError calls f and makes an error of its panic, which it logs as Log does.
func AsError(log *slog.Logger, where string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrPanic, r)
			Log(log, where, r)
		}
	}()
	return f()
}
