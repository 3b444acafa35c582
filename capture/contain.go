package capture

import (
	"errors"
	"fmt"
	"log/slog"

	"porthole/internal/panics"
)

// errPanic is wrapped by the error that contain makes of a panic.
var errPanic = errors.New("panicked with")

// contain calls f and makes an error of its panic: decoders and encoders are other people's code, work on what a camera
// sends, and must never end the process. The stack goes to the log.
func contain(log *slog.Logger, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
			panics.Log(log, "a driver or an encoder", r)
		}
	}()
	return f()
}
