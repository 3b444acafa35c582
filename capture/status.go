package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"porthole/internal/broadcast"
)

// What the list of streams says of a source. The pages know these texts too, to translate them.

// textOpening is for a camera that was not open yet.
const textOpening = "waiting for the camera"

// takenText is for a source whose stream has another publisher.
func takenText(k Kind) string {
	if k.drawn() {
		return k.String() + " off while somebody else publishes"
	}
	return "camera off while somebody else publishes"
}

// openingText is for a source that is being opened.
func openingText(k Kind) string {
	if k.drawn() {
		return k.String() + " is starting"
	}
	return textOpening
}

// offText is for a source that nobody watches.
func offText(k Kind) string {
	if k.drawn() {
		return k.String() + " off while nobody watches"
	}
	return "camera off while nobody watches"
}

// stateText says in a few words, for viewers too, why there are no pictures. known says that the camera has worked before,
// so that one that is not there was unplugged.
func stateText(err error, known bool) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		if fault, ok := errors.AsType[*fs.PathError](err); ok {
			return "no permission for " + fault.Path
		}
		return "no permission for the camera"
	case errors.Is(err, ErrDeviceBusy):
		if busy, ok := errors.AsType[*busyError](err); ok && len(busy.holders) > 0 {
			return "camera in use by " + strings.Join(busy.holders, ", ")
		}
		return "camera in use by another program"
	case errors.Is(err, ErrDeviceGone):
		return "camera unplugged"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrNoCamera):
		if known {
			return "camera unplugged"
		}
		return textOpening
	case errors.Is(err, ErrStalled):
		return "camera stalled, reopening"
	case errors.Is(err, ErrEncoder):
		return "encoder failed, starting again"
	case errors.Is(err, broadcast.ErrStreamBusy):
		return takenText(Camera)
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
	case errors.Is(err, ErrDeviceBusy):
		return failedBusy
	case errors.Is(err, ErrDeviceGone), errors.Is(err, ErrNoCamera), errors.Is(err, fs.ErrNotExist):
		return failedUnplugged
	case errors.Is(err, ErrStalled):
		return failedStalled
	case errors.Is(err, ErrEncoder):
		return failedEncoder
	}
	return failedOther
}

// busyError is ErrDeviceBusy with who is in the way.
type busyError struct {
	device  string
	holders []string // such as "ffmpeg (pid 123)"; empty: not known
}

func (e *busyError) Error() string {
	if len(e.holders) == 0 {
		return fmt.Sprintf("%s: %v: in use by another source of this program, or by another user's program", e.device, ErrDeviceBusy)
	}
	return fmt.Sprintf("%s: %v: in use by %s", e.device, ErrDeviceBusy, strings.Join(e.holders, ", "))
}

func (e *busyError) Unwrap() error { return ErrDeviceBusy }
