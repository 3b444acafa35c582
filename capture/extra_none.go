//go:build !faults

package capture

import (
	"log/slog"

	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/capture/v4l2"
)

// extraDevice is for the kinds that only some binaries have: none in this one.
func extraDevice(source.Spec, *slog.Logger) media.Device { return nil }

func checkDevice(spec source.Spec) error { return v4l2.ThisMachine().Check(spec) }

func libraryFor(_ source.Spec, l encode.Library) encode.Library { return l }
