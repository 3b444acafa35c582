package supervisor

import (
	"errors"
	"io/fs"
	"strings"

	"porthole/capture/source"
	"porthole/internal/broadcast"
)

// What the list of streams says of a source. The pages know these texts too, to translate them.

// textOpening is for a camera that was not open yet.
const textOpening = "waiting for the camera"

// takenText is for a source whose stream has another publisher.
func takenText(k source.Kind) string {
	if k.Drawn() {
		return k.String() + " off while somebody else publishes"
	}
	if k == source.Exec {
		return "program off while somebody else publishes"
	}
	return "camera off while somebody else publishes"
}

// openingText is for a source that is being opened.
func openingText(k source.Kind) string {
	if k.Drawn() {
		return k.String() + " is starting"
	}
	if k == source.Exec {
		return "program is starting"
	}
	return textOpening
}

// offText is for a source that nobody watches.
func offText(k source.Kind) string {
	if k.Drawn() {
		return k.String() + " off while nobody watches"
	}
	if k == source.Exec {
		return "program off while nobody watches"
	}
	return "camera off while nobody watches"
}

// stateText says in a few words, for viewers too, why there are no pictures. known says that the camera has worked before,
// so that one that is not there was unplugged.
func stateText(err error, known bool) string {
	if program, ok := errors.AsType[*source.ProgramError](err); ok {
		return "program failed: " + program.Error()
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		if fault, ok := errors.AsType[*fs.PathError](err); ok {
			return "no permission for " + fault.Path
		}
		return "no permission for the camera"
	case errors.Is(err, source.ErrDeviceBusy):
		if busy, ok := errors.AsType[*source.BusyError](err); ok && len(busy.Holders) > 0 {
			return "camera in use by " + strings.Join(busy.Holders, ", ")
		}
		return "camera in use by another program"
	case errors.Is(err, source.ErrDeviceGone):
		return "camera unplugged"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, source.ErrNoCamera):
		if known {
			return "camera unplugged"
		}
		return textOpening
	case errors.Is(err, source.ErrStalled):
		return "camera stalled, reopening"
	case errors.Is(err, source.ErrEncoder):
		return "encoder failed, starting again"
	case errors.Is(err, broadcast.ErrStreamBusy):
		return takenText(source.Camera)
	}
	return "camera failed, trying again"
}

// failure is a reason for which a source stops; String is what metrics call it.
type failure uint8

const (
	failedOther failure = iota
	failedUnplugged
	failedBusy
	failedPermission
	failedStalled
	failedEncoder
	failures // how many there are
)

func (f failure) String() string {
	return [failures]string{"other", "unplugged", "busy", "permission", "stalled", "encoder"}[f]
}

func failureOf(err error) failure {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return failedPermission
	case errors.Is(err, source.ErrDeviceBusy):
		return failedBusy
	case errors.Is(err, source.ErrDeviceGone), errors.Is(err, source.ErrNoCamera), errors.Is(err, fs.ErrNotExist):
		return failedUnplugged
	case errors.Is(err, source.ErrStalled):
		return failedStalled
	case errors.Is(err, source.ErrEncoder):
		return failedEncoder
	}
	return failedOther
}
