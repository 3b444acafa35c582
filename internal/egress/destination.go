package egress

import (
	"net/netip"
	"sync"
)

const (
	maxSegments = 64     // UDP_MAX_SEGMENTS of the kernel, as it was for long
	maxBatch    = 65_000 // bytes; a datagram with its headers must stay below 65 536
)

// buffers hold the packets of batches that are being filled: as many exist as
// senders are at work, not as many as there are viewers.
var buffers = sync.Pool{New: func() any { return new([maxBatch]byte) }} //nolint:gochecknoglobals // a cache

// Destination is a viewer's address, to which media goes in batches.
type Destination struct {
	// Set by newDestination, read-only afterwards.
	conn *Conn
	addr netip.AddrPort
	os   target

	mu sync.Mutex // of this viewer's sender, and its end
	// buffer holds count packets, one after another: all of size bytes but the
	// last one, which may be shorter. nil when there are none.
	buffer *[maxBatch]byte
	length int
	count  int
	size   int
	err    error // of a batch that left because it was full; for the next Flush
	single bool  // this destination refused a segmented batch
	closed bool
}

func newDestination(c *Conn, addr netip.AddrPort) *Destination {
	d := &Destination{conn: c, addr: addr}
	d.os = c.os.target(addr)
	return d
}

// add copies a packet to the batch.
func (d *Destination) add(b []byte) {
	_ = d.Append(len(b), func(room []byte) error {
		copy(room, b)
		return nil
	})
}

// Append adds one packet of size bytes to the batch, which fill makes in place: room
// is exactly as large as the packet. A batch that cannot take it leaves first. An error
// of fill, or a panic, leaves the batch as it was. ErrClosed says that the Destination is
// closed or the packet too large; fill is not called then.
func (d *Destination) Append(size int, fill func(room []byte) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || size > maxBatch {
		return ErrClosed
	}
	if d.count > 0 && (size > d.size || d.length+size > maxBatch) {
		d.sendLocked()
	}
	if d.buffer == nil {
		d.buffer, _ = buffers.Get().(*[maxBatch]byte)
	}
	// What a failed fill leaves behind is written over by the next one.
	if err := fill(d.buffer[d.length : d.length+size : d.length+size]); err != nil {
		return err
	}
	if d.count == 0 {
		d.size = size
	}
	d.length += size
	d.count++
	if size < d.size || d.count == maxSegments {
		d.sendLocked() // nothing can follow a shorter segment
	}
	return nil
}

// Flush sends what has gathered. It never waits: ErrBufferFull says that
// packets were dropped; other errors are the kernel's for this destination.
func (d *Destination) Flush() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sendLocked()
	err := d.err
	d.err = nil
	return err
}

// Close sends what has gathered and ends batching for the address. A second
// call does nothing.
func (d *Destination) Close() {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return
	}
	d.sendLocked()
	d.closed = true
	if d.buffer != nil { // nothing was appended since it was taken
		buffers.Put(d.buffer)
		d.buffer = nil
	}
	d.mu.Unlock()
	s := d.conn.shard(d.addr)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[d.addr] == d {
		delete(s.open, d.addr)
	}
}

// sendLocked sends the batch and empties it.
func (d *Destination) sendLocked() {
	if d.count == 0 {
		return
	}
	sent, err := d.transmit()
	c := d.conn
	c.packets.Add(uint64(sent))
	if sent > 1 && c.Mode() != Plain {
		c.batches.Add(1)
	}
	if err != nil {
		d.err = err
		counter := &c.failed
		if err == ErrBufferFull { //nolint:errorlint // transmit returns it as it is; hot path
			counter = &c.dropped
		}
		counter.Add(uint64(d.count - sent))
	}
	buffers.Put(d.buffer)
	d.buffer, d.length, d.count = nil, 0, 0
}

// segment returns the i-th packet of the batch.
func (d *Destination) segment(i int) []byte {
	return d.buffer[i*d.size : min((i+1)*d.size, d.length)]
}
