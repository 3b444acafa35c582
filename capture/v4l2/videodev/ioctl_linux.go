package videodev

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// What follows are the structures of linux/videodev2.h and linux/uvcvideo.h that are used, in their words. Their sizes are part of
// the numbers of the calls: the kernel refuses what does not fit.

const (
	typeCapture      = 1 // V4L2_BUF_TYPE_VIDEO_CAPTURE
	memoryMmap       = 1 // V4L2_MEMORY_MMAP
	fieldNone        = 1 // V4L2_FIELD_NONE: whole pictures
	hasDeviceCaps    = 0x80000000
	canCapture       = 0x1
	canStream        = 0x04000000
	timePerFrame     = 0x1000 // V4L2_CAP_TIMEPERFRAME: the rate can be set
	flagError        = 0x40
	stampMask        = 0xe000
	stampMonotonic   = 0x2000
	discrete         = 1 // V4L2_FRMSIZE_TYPE_DISCRETE, V4L2_FRMIVAL_TYPE_DISCRETE
	nextControl      = 0x80000000
	whichCurrent     = 0 // V4L2_CTRL_WHICH_CUR_VAL
	ctrlDisabled     = 0x1
	ctrlGrabbed      = 0x2
	ctrlReadOnly     = 0x4
	ctrlInactive     = 0x10
	ctrlWriteOnly    = 0x40
	ctrlVolatile     = 0x80
	ctrlTypeInteger  = 1
	ctrlTypeBoolean  = 2
	ctrlTypeMenu     = 3
	ctrlTypeButton   = 4
	ctrlTypeInteger8 = 5 // of 64 bits
	ctrlTypeIntMenu  = 9
)

type capability struct {
	driver                          [16]byte
	card, bus                       [32]byte
	version, capabilities, nodeCaps uint32
	_                               [3]uint32
}

type formatDescription struct {
	index, kind, flags uint32
	description        [32]byte
	pixelFormat        uint32
	_                  [4]uint32 // mbus_code among it
}

type frameSize struct {
	index, pixelFormat, kind uint32
	sizes                    [6]uint32 // discrete: width, height; else least, most and step of both
	_                        [2]uint32
}

type fraction struct{ numerator, denominator uint32 }

type frameInterval struct {
	index, pixelFormat, width, height, kind uint32
	intervals                               [3]fraction // discrete: one; else least, most, step
	_                                       [2]uint32
}

type pixelFormat struct {
	width, height, format, field, bytesPerLine, size, colorspace, priv, flags, encoding, quantization, transfer uint32
}

// union gives what the kernel has as a union of 200 bytes with pointers in it the alignment of pointers.
type union struct {
	pixelFormat
	_ [200 - unsafe.Sizeof(pixelFormat{}) - unsafe.Sizeof(uintptr(0))]byte
	_ uintptr
}

type format struct {
	kind uint32
	union
}

type streamParameters struct {
	kind                uint32
	capability, mode    uint32
	interval            fraction
	extended, readCount uint32
	_                   [200 - 6*4]byte
}

type requestBuffers struct {
	count, kind, memory, capabilities uint32
	_                                 uint32
}

type buffer struct {
	index, kind, used, flags, field uint32
	stamp                           unix.Timeval
	_                               [16]byte // timecode
	sequence, memory                uint32
	offset                          uintptr // a union, of which mapped memory uses the first 32 bits
	length                          uint32
	_                               uint32
	_                               uint32
}

type queryControl struct {
	id, kind          uint32
	name              [32]byte
	minimum, maximum  int64
	step              uint64
	defaultValue      int64
	flags             uint32
	size, count, dims uint32
	_                 [4 + 32]uint32
}

type queryMenu struct {
	id, index uint32
	text      [32]byte // or a number of 64 bits, in its first eight
	_         uint32
}

type extendedControl struct {
	id, size uint32
	_        uint32
	value    [8]byte
}

type extendedControls struct {
	which, count, errorIndex uint32
	request                  int32
	_                        uint32
	controls                 unsafe.Pointer
}

type unitQuery struct {
	unit, selector, query uint8
	size                  uint16
	data                  unsafe.Pointer
}

// A call's number: what goes which way, how large it is, whose it is, and which of theirs.
const (
	toKernel   = 1 << 30
	fromKernel = 2 << 30
	both       = toKernel | fromKernel
)

func call(way uint, size uintptr, family byte, number uint) uint {
	return way | uint(size)<<16 | uint(family)<<8 | number
}

//nolint:gochecknoglobals // numbers, computed once
var (
	queryCap      = call(fromKernel, unsafe.Sizeof(capability{}), 'V', 0)
	enumFormats   = call(both, unsafe.Sizeof(formatDescription{}), 'V', 2)
	setFormat     = call(both, unsafe.Sizeof(format{}), 'V', 5)
	reqBufs       = call(both, unsafe.Sizeof(requestBuffers{}), 'V', 8)
	queryBuf      = call(both, unsafe.Sizeof(buffer{}), 'V', 9)
	queueBuf      = call(both, unsafe.Sizeof(buffer{}), 'V', 15)
	dequeueBuf    = call(both, unsafe.Sizeof(buffer{}), 'V', 17)
	streamOn      = call(toKernel, 4, 'V', 18)
	streamOff     = call(toKernel, 4, 'V', 19)
	getParameters = call(both, unsafe.Sizeof(streamParameters{}), 'V', 21)
	setParameters = call(both, unsafe.Sizeof(streamParameters{}), 'V', 22)
	queryMenuItem = call(both, unsafe.Sizeof(queryMenu{}), 'V', 37)
	getControls   = call(both, unsafe.Sizeof(extendedControls{}), 'V', 71)
	setControls   = call(both, unsafe.Sizeof(extendedControls{}), 'V', 72)
	enumSizes     = call(both, unsafe.Sizeof(frameSize{}), 'V', 74)
	enumIntervals = call(both, unsafe.Sizeof(frameInterval{}), 'V', 75)
	queryExtended = call(both, unsafe.Sizeof(queryControl{}), 'V', 103)
	queryUnit     = call(both, unsafe.Sizeof(unitQuery{}), 'u', 33)
)

// do makes a call, again when a signal has come between. What argument points to must outlive it, which it does as an unsafe.Pointer.
func do(fd int, number uint, argument unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(number), uintptr(argument))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}
