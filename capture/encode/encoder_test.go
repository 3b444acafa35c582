package encode

import (
	"errors"
	"testing"

	"porthole/capture/media"
)

// counting is an encoder that counts how often it is closed.
type counting struct{ closed int }

func (*counting) Encode(*media.Picture, bool) ([]byte, error) { return []byte{1}, nil }
func (*counting) SetRate(int, float64) error                  { return nil }
func (c *counting) Close() error                              { c.closed++; return nil }

func TestEncoderAfterClose(t *testing.T) {
	inner := new(counting)
	encoder := &guarded{enc: inner}
	for range 2 {
		if err := encoder.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if inner.closed != 1 {
		t.Errorf("closed %d times, want once", inner.closed)
	}
	if err := encoder.SetRate(1, 1); !errors.Is(err, ErrEncoderClosed) {
		t.Errorf("SetRate after Close: %v, want ErrEncoderClosed", err)
	}
	if _, err := encoder.Encode(&media.Picture{Width: 2, Height: 2}, true); !errors.Is(err, ErrEncoderClosed) {
		t.Errorf("Encode after Close: %v, want ErrEncoderClosed", err)
	}
}
