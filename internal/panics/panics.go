// Package panics gives what is logged about a recovered panic one form, wherever it was
// recovered, so that it can be found, and told whose it was.
package panics

import (
	"log/slog"
	"runtime/debug"
)

// Log logs a panic with its stack. It is for deferred functions, whose stack still is that
// of the panic. where says in which code it was; attrs are those of slog, such as the
// session that it ends.
func Log(log *slog.Logger, where string, value any, attrs ...any) {
	log.Error("panic in "+where, append(attrs, "panic", value, "stack", string(debug.Stack()))...)
}
