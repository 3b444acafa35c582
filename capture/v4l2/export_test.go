package v4l2

import (
	"log/slog"

	"porthole/capture/media"
	"porthole/capture/source"
)

// Opener opens a camera again and again, without watching for those that come and go.
func (h Host) Opener(spec source.Spec, log *slog.Logger) func() (*media.Input, error) {
	o := &opener{host: h, spec: spec, log: log}
	return func() (*media.Input, error) {
		in, _, err := o.open(spec.Device)
		return in, err
	}
}
