package videodev

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The sizes of all structures are in the numbers of the calls. These are what a C compiler makes of the kernel's headers, on
// machines of 64 bits.
func TestNumbersOfCalls(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the numbers are those of machines of 64 bits")
	}
	for name, numbers := range map[string][2]uint{
		"VIDIOC_QUERYCAP": {queryCap, 0x80685600}, "VIDIOC_ENUM_FMT": {enumFormats, 0xc0405602}, "VIDIOC_S_FMT": {setFormat, 0xc0d05605},
		"VIDIOC_REQBUFS": {reqBufs, 0xc0145608}, "VIDIOC_QUERYBUF": {queryBuf, 0xc0585609}, "VIDIOC_QBUF": {queueBuf, 0xc058560f},
		"VIDIOC_DQBUF": {dequeueBuf, 0xc0585611}, "VIDIOC_STREAMON": {streamOn, 0x40045612}, "VIDIOC_STREAMOFF": {streamOff, 0x40045613},
		"VIDIOC_G_PARM": {getParameters, 0xc0cc5615}, "VIDIOC_S_PARM": {setParameters, 0xc0cc5616}, "VIDIOC_QUERYMENU": {queryMenuItem, 0xc02c5625},
		"VIDIOC_G_EXT_CTRLS": {getControls, 0xc0205647}, "VIDIOC_S_EXT_CTRLS": {setControls, 0xc0205648},
		"VIDIOC_ENUM_FRAMESIZES": {enumSizes, 0xc02c564a}, "VIDIOC_ENUM_FRAMEINTERVALS": {enumIntervals, 0xc034564b},
		"VIDIOC_QUERY_EXT_CTRL": {queryExtended, 0xc0e85667}, "UVCIOC_CTRL_QUERY": {queryUnit, 0xc0107521},
	} {
		if numbers[0] != numbers[1] {
			t.Errorf("%s is %#x, want %#x", name, numbers[0], numbers[1])
		}
	}
}

func TestOpenWhatIsNoCamera(t *testing.T) {
	if _, err := Open("/dev/video-there-is-none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, "/dev/null"} {
		if _, err := Open(path); !errors.Is(err, ErrNoCapture) || !errors.Is(err, unix.ENOTTY) {
			t.Errorf("%s: %v, want ErrNoCapture", path, err)
		}
	}
}

// The driver's clock and Go's begin at different times and run alike.
func TestDriversClock(t *testing.T) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	at := atMonotonic(unix.NsecToTimeval(now.Nano() - int64(time.Second)))
	if age := before.Sub(at); age < time.Second-time.Millisecond || age > time.Second+time.Minute {
		t.Errorf("a picture of a second before is %v old", age)
	}
}
