package videodev

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Device is an open device node. One goroutine at a time streams from it, that is, calls Start, Next, Release and Close; controls may be
// read and set from any other meanwhile.
type Device struct {
	path    string
	fd      int
	wake    int // an eventfd that ends a wait
	buffers [][]byte
}

// Open opens a device node. The errors are those of the system, with the node's name, and ErrNoCapture.
func Open(path string) (*Device, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: open: %w", path, err)
	}
	d := &Device{path: path, fd: fd, wake: -1}
	var c capability
	if err := d.do("ask what it is", queryCap, unsafe.Pointer(&c)); err != nil {
		_ = d.Close()
		return nil, errors.Join(fmt.Errorf("%s: %w", path, ErrNoCapture), err)
	}
	can := c.capabilities
	if can&hasDeviceCaps != 0 {
		can = c.nodeCaps
	}
	if can&canCapture == 0 || can&canStream == 0 {
		_ = d.Close()
		return nil, fmt.Errorf("%s: %w", path, ErrNoCapture)
	}
	if d.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// Close ends streaming and closes the node. It is called once.
func (d *Device) Close() error {
	if d.buffers != nil {
		d.stop()
	}
	if d.wake >= 0 {
		_ = unix.Close(d.wake)
	}
	return unix.Close(d.fd)
}

func (d *Device) do(what string, number uint, argument unsafe.Pointer) error {
	if err := do(d.fd, number, argument); err != nil {
		return fmt.Errorf("%s: %s: %w", d.path, what, err)
	}
	return nil
}

// Capability is what the device says of itself.
func (d *Device) Capability() (Capability, error) {
	var c capability
	if err := d.do("ask what it is", queryCap, unsafe.Pointer(&c)); err != nil {
		return Capability{}, err
	}
	return Capability{Driver: text(c.driver[:]), Name: text(c.card[:]), Bus: text(c.bus[:])}, nil
}

// Modes lists what the device says that it has. Of formats that come in any size, those of sizes are listed that are possible.
func (d *Device) Modes(sizes [][2]int) []Mode {
	var modes []Mode
	for i := range uint32(64) { // the bound is for drivers without an end
		f := formatDescription{index: i, kind: typeCapture}
		if do(d.fd, enumFormats, unsafe.Pointer(&f)) != nil {
			break
		}
		for _, size := range d.sizes(f.pixelFormat, sizes) {
			mode := Mode{Format: FourCC(f.pixelFormat), Width: size[0], Height: size[1]}
			mode.Rates = d.rates(f.pixelFormat, size)
			modes = append(modes, mode)
		}
	}
	return modes
}

func (d *Device) sizes(pixelFormat uint32, wanted [][2]int) (list [][2]int) {
	for i := range uint32(256) {
		s := frameSize{index: i, pixelFormat: pixelFormat}
		if do(d.fd, enumSizes, unsafe.Pointer(&s)) != nil {
			break
		}
		if s.kind == discrete {
			list = append(list, [2]int{int(s.sizes[0]), int(s.sizes[1])})
			continue
		}
		least, most, step := [2]uint32{s.sizes[0], s.sizes[3]}, [2]uint32{s.sizes[1], s.sizes[4]}, [2]uint32{s.sizes[2], s.sizes[5]}
		for _, want := range append(wanted, [2]int{int(most[0]), int(most[1])}) {
			if within(want[0], least[0], most[0], step[0]) && within(want[1], least[1], most[1], step[1]) && !slices.Contains(list, want) {
				list = append(list, want)
			}
		}
		break // there is one such answer
	}
	return list
}

func within(n int, least, most, step uint32) bool {
	return n >= int(least) && n <= int(most) && (n-int(least))%max(int(step), 1) == 0
}

// usualRates are offered by devices that can be set to any rate.
func usualRates() []float64 { return []float64{5, 10, 15, 20, 24, 25, 30, 50, 60, 90, 120} }

func (d *Device) rates(pixelFormat uint32, size [2]int) (rates []float64) {
	for i := range uint32(256) {
		v := frameInterval{index: i, pixelFormat: pixelFormat, width: uint32(size[0]), height: uint32(size[1])}
		if do(d.fd, enumIntervals, unsafe.Pointer(&v)) != nil {
			break
		}
		if v.kind == discrete {
			if rate := v.intervals[0].rate(); rate > 0 && !slices.Contains(rates, rate) {
				rates = append(rates, rate)
			}
			continue
		}
		fastest, slowest := v.intervals[0].rate(), v.intervals[1].rate()
		for _, rate := range usualRates() {
			if rate >= slowest && (rate <= fastest || fastest == 0) {
				rates = append(rates, rate)
			}
		}
		break
	}
	return rates
}

// rate is 1/f to three digits; 0 for an interval that is none.
func (f fraction) rate() float64 {
	if f.numerator == 0 || f.denominator == 0 {
		return 0
	}
	return math.Round(1000*float64(f.denominator)/float64(f.numerator)) / 1000
}

// Configure sets the mode, and says what the driver has made of it, which may be another size: it takes the nearest that it has.
func (d *Device) Configure(s Setup) (Layout, error) {
	f := format{kind: typeCapture}
	f.width, f.height, f.format, f.field = uint32(s.Width), uint32(s.Height), uint32(s.Format), fieldNone
	if err := d.do("set the format", setFormat, unsafe.Pointer(&f)); err != nil {
		return Layout{}, err
	}
	l := Layout{Format: FourCC(f.format), Width: int(f.width), Height: int(f.height), Stride: int(f.bytesPerLine)}
	if l.Format != s.Format {
		return Layout{}, fmt.Errorf("%s: set the format: it takes %v in the place of %v", d.path, l.Format, s.Format)
	}
	p := streamParameters{kind: typeCapture}
	if do(d.fd, getParameters, unsafe.Pointer(&p)) != nil {
		return l, nil // it knows no rates
	}
	if s.Rate > 0 && p.capability&timePerFrame != 0 {
		p = streamParameters{kind: typeCapture, interval: fraction{1000, uint32(math.Round(1000 * s.Rate))}}
		if err := d.do("set the rate", setParameters, unsafe.Pointer(&p)); err != nil {
			return Layout{}, err
		}
	}
	l.Rate = p.interval.rate()
	return l, nil
}

// Start begins to stream as configured, into so many buffers. EBUSY is in its error when another program streams.
func (d *Device) Start(buffers int) error {
	r := requestBuffers{count: uint32(buffers), kind: typeCapture, memory: memoryMmap}
	if err := d.do("get buffers", reqBufs, unsafe.Pointer(&r)); err != nil {
		return err
	}
	d.buffers = [][]byte{}
	if err := d.start(r.count); err != nil {
		d.stop()
		return err
	}
	return nil
}

func (d *Device) start(count uint32) error {
	for i := range count {
		b := buffer{index: i, kind: typeCapture, memory: memoryMmap}
		if err := d.do("ask for a buffer", queryBuf, unsafe.Pointer(&b)); err != nil {
			return err
		}
		memory, err := unix.Mmap(d.fd, int64(*(*uint32)(unsafe.Pointer(&b.offset))), int(b.length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return fmt.Errorf("%s: map a buffer: %w", d.path, err)
		}
		d.buffers = append(d.buffers, memory)
		if err := d.queue(i); err != nil {
			return err
		}
	}
	kind := int32(typeCapture)
	return d.do("start", streamOn, unsafe.Pointer(&kind))
}

// stop ends streaming and gives the buffers back: the kernel takes a camera to be in use for as long as they are mapped.
func (d *Device) stop() {
	kind := int32(typeCapture)
	_ = do(d.fd, streamOff, unsafe.Pointer(&kind)) // a device that is gone streams no more
	for _, memory := range d.buffers {
		_ = unix.Munmap(memory)
	}
	d.buffers = nil
	r := requestBuffers{kind: typeCapture, memory: memoryMmap}
	_ = do(d.fd, reqBufs, unsafe.Pointer(&r)) // likewise
}

func (d *Device) queue(index uint32) error {
	b := buffer{index: index, kind: typeCapture, memory: memoryMmap}
	return d.do("give a buffer back", queueBuf, unsafe.Pointer(&b))
}

// Release gives a frame's buffer back to the driver.
func (d *Device) Release(f Frame) error { return d.queue(f.index) }

// Next waits for the next picture, so long at most, and takes it from the driver; with no time at all, it takes one that is there
// already. The error is ErrTimeout, ctx's cause, or the driver's: ENODEV in it says that the device is gone.
func (d *Device) Next(ctx context.Context, within time.Duration) (Frame, error) {
	stop := context.AfterFunc(ctx, d.interrupt)
	defer stop()
	until := time.Now().Add(within)
	for {
		if ctx.Err() != nil {
			return Frame{}, context.Cause(ctx)
		}
		f, err := d.dequeue()
		if !errors.Is(err, unix.EAGAIN) {
			return f, err
		}
		left := time.Until(until)
		if within == 0 || left <= 0 {
			return Frame{}, fmt.Errorf("%s: %w", d.path, ErrTimeout)
		}
		if err := d.wait(left); err != nil {
			return Frame{}, err
		}
	}
}

// interrupt ends a wait of Next.
func (d *Device) interrupt() {
	one := [8]byte{1}
	_, _ = unix.Write(d.wake, one[:]) // it can only be full, which wakes as well
}

// wait returns when there is a picture, an interruption, or no time left.
func (d *Device) wait(left time.Duration) error {
	fds := []unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLIN}, {Fd: int32(d.wake), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(left.Milliseconds())+1)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("%s: wait for a picture: %w", d.path, err)
	}
	if n > 0 && fds[1].Revents != 0 {
		var drained [8]byte
		_, _ = unix.Read(d.wake, drained[:])
	}
	if n > 0 && fds[0].Revents&unix.POLLIN == 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0 {
		if _, err := d.dequeue(); err != nil && !errors.Is(err, unix.EAGAIN) {
			return err
		}
		return fmt.Errorf("%s: wait for a picture: %w", d.path, unix.EIO)
	}
	return nil
}

func (d *Device) dequeue() (Frame, error) {
	b := buffer{kind: typeCapture, memory: memoryMmap}
	if err := d.do("take a picture", dequeueBuf, unsafe.Pointer(&b)); err != nil {
		return Frame{}, err
	}
	if int(b.index) >= len(d.buffers) || int(b.used) > len(d.buffers[b.index]) {
		return Frame{}, fmt.Errorf("%s: take a picture: the driver speaks of memory that is not there: %w", d.path, unix.EIO)
	}
	f := Frame{Data: d.buffers[b.index][:b.used], Sequence: b.sequence, Broken: b.flags&flagError != 0 || b.used == 0, index: b.index}
	if b.flags&stampMask == stampMonotonic {
		f.CapturedAt = atMonotonic(b.stamp)
	}
	return f, nil
}

// atMonotonic is the time at which the system's monotonic clock said this.
func atMonotonic(stamp unix.Timeval) time.Time {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(stamp.Nano() - now.Nano()))
}

// text is what stands before the first zero byte.
func text(b []byte) string {
	if i := slices.Index(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
