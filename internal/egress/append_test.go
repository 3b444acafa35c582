package egress_test

import (
	"errors"
	"testing"
	"time"

	"porthole/internal/egress"
)

// Whatever happens while a packet is made, the destination can be used and closed, and
// the packets before and after it leave whole.
func TestPacketsThatCannotBeMadeHoldNothingUp(t *testing.T) {
	errSeal := errors.New("cannot be sealed")
	failures := map[string]func(room []byte) error{
		"an error": func(room []byte) error { clear(room); return errSeal },
		"a panic":  func(room []byte) error { clear(room); panic("in the encryption") },
	}
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			c := open(t, "udp4", "127.0.0.1:0", egress.Multiple)
			to := listen(t, "udp4", "127.0.0.1:0")
			d := c.Open(port(to))
			add := func(n int) {
				t.Helper()
				if err := d.Append(200, func(room []byte) error { copy(room, packet(200, n)); return nil }); err != nil {
					t.Fatal(err)
				}
			}
			try := func() (err error) {
				defer func() {
					if recover() != nil {
						err = errSeal
					}
				}()
				return d.Append(200, fail)
			}
			if err := try(); !errors.Is(err, errSeal) { // with an empty batch
				t.Fatalf("got %v", err)
			}
			add(1)
			if err := try(); !errors.Is(err, errSeal) {
				t.Fatalf("got %v", err)
			}
			add(2)
			if err := d.Flush(); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 2000)
			for n := 1; n <= 2; n++ {
				_ = to.SetReadDeadline(time.Now().Add(5 * time.Second))
				if size, err := to.Read(buf); err != nil || size != 200 || string(buf[:size]) != string(packet(200, n)) {
					t.Fatalf("packet %d: %d bytes, %v", n, size, err)
				}
			}
			_ = try()
			d.Close() // hung for ever when a panic left the destination locked
			if err := d.Append(200, fail); !errors.Is(err, egress.ErrClosed) {
				t.Errorf("got %v, want ErrClosed", err)
			}
		})
	}
}
