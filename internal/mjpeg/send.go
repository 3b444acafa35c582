package mjpeg

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	boundary = "porthole-picture"
	// sendWithin bounds the writing of one picture: who takes none in so long is gone.
	sendWithin = 10 * time.Second
	// repeatAfter is when the last picture is sent again because there is no newer one: proxies then keep the connection, and a client
	// that has gone without a word is noticed.
	repeatAfter = 10 * time.Second
)

// output writes pictures to one client: multipart/x-mixed-replace, the parts as RFC 2046 has them.
type output struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	pictures int
	bytes    int64
}

// setHeader says what will come.
func setHeader(h http.Header, r *http.Request) {
	h.Set("Content-Type", "multipart/x-mixed-replace; boundary="+boundary)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // or nginx collects pictures until its buffer is full
	if r.ProtoMajor == 1 {
		// Until the end of the connection, as from any camera: simple clients read no chunks.
		h.Set("Transfer-Encoding", "identity")
	}
}

// begin sends nothing yet.
func begin(w http.ResponseWriter, r *http.Request) *output {
	setHeader(w.Header(), r)
	keepQueueShort(r.Context())
	return &output{w: w, control: http.NewResponseController(w)}
}

// run sends pictures until no more come, or the client takes none. It returns why.
func (o *output) run(v viewing, p *Picture) error {
	// The server's ReadTimeout is for requests, and this one has been read.
	if err := o.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("clear deadline: %w", err)
	}
	if err := o.write([]byte("--" + boundary + "\r\n")); err != nil {
		return err
	}
	for last := p; ; {
		if p == nil {
			p = last
		}
		last = p
		if err := o.send(p, ""); err != nil {
			return err
		}
		next, err := v.next(repeatAfter)
		if err != nil {
			if !errors.Is(err, errGone) {
				o.sayWhy(last, err)
			}
			return err
		}
		p = next
	}
}

// send sends one picture and the delimiter behind it, without which browsers do not show it.
func (o *output) send(p *Picture, end string) error {
	deadline := time.Now().Add(sendWithin)
	if err := o.control.SetWriteDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set deadline: %w", err)
	}
	head := fmt.Sprintf("Content-Type: image/jpeg\r\nContent-Length: %d\r\nX-Timestamp: %d.%06d\r\n\r\n",
		len(p.Data), p.At.Unix(), p.At.Nanosecond()/1000)
	for _, part := range [][]byte{[]byte(head), p.Data, []byte("\r\n--" + boundary + end + "\r\n")} {
		if err := o.write(part); err != nil {
			return err
		}
	}
	if err := o.control.Flush(); err != nil {
		return fmt.Errorf("the client takes no picture within %v: %w", sendWithin, err)
	}
	o.pictures++
	return nil
}

func (o *output) write(b []byte) error {
	n, err := o.w.Write(b)
	o.bytes += int64(n)
	if err != nil {
		return fmt.Errorf("the client takes no picture within %v: %w", sendWithin, err)
	}
	return nil
}

// sayWhy ends the pictures: the last one stays, and the reason stands behind the last delimiter, where RFC 2046 section 5.1.1 has
// what is for people.
func (o *output) sayWhy(last *Picture, why error) {
	if o.send(last, "--") == nil && o.write([]byte(why.Error()+"\r\n")) == nil {
		_ = o.control.Flush() // it is over in any case
	}
}
