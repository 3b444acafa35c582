package codec_test

import (
	"testing"

	"porthole/internal/codec"
)

func TestH264TemporalID(t *testing.T) {
	for name, c := range map[string]struct {
		payload []byte
		id      int
		ok      bool
	}{
		"reference slice":           {[]byte{0x41, 1, 2}, 0, true},
		"IDR slice":                 {[]byte{0x65, 1, 2}, 0, true},
		"disposable slice":          {[]byte{0x01, 1, 2}, 1, true},
		"reference fragment":        {[]byte{0x5c, 0x81, 9}, 0, true},
		"disposable fragment":       {[]byte{0x1c, 0x81, 9}, 1, true},
		"its last part":             {[]byte{0x1c, 0x41, 9}, 1, true},
		"fragment of an SPS":        {[]byte{0x7c, 0x87, 9}, 0, false},
		"parameter sets":            {[]byte{0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1}, 0, false},
		"SEI":                       {[]byte{0x06, 5, 1}, 0, false},
		"delimiter and disposable":  {[]byte{0x18, 0, 2, 0x09, 0x30, 0, 2, 0x01, 9}, 1, true},
		"prefix of layer 2":         {[]byte{0x0e, 0x80, 0, 0x47}, 2, true},
		"prefix and slice":          {[]byte{0x58, 0, 4, 0x4e, 0x80, 0, 0x27, 0, 2, 0x41, 9}, 1, true},
		"scalable slice":            {[]byte{0x74, 0x80, 0x10, 0x07, 9}, 0, true},
		"prefix of MVC":             {[]byte{0x0e, 0x00, 0, 0xe7}, 0, false},
		"prefix that is cut off":    {[]byte{0x0e, 0x80}, 0, false},
		"empty":                     {nil, 0, false},
		"aggregation without units": {[]byte{0x78}, 0, false},
	} {
		if id, ok := codec.H264TemporalID(c.payload); id != c.id || ok != c.ok {
			t.Errorf("%s: %d, %v, want %d, %v", name, id, ok, c.id, c.ok)
		}
	}
}

func TestGradedTemporalID(t *testing.T) {
	const highest, high, low, lowest = 0x65, 0x41, 0x21, 0x01
	for layers, want := range map[int]map[byte]int{
		1: {highest: 0, high: 0, low: 0, lowest: 0},
		2: {highest: 0, high: 0, low: 0, lowest: 1},
		3: {highest: 0, high: 0, low: 1, lowest: 2},
	} {
		for header, layer := range want {
			if id, ok := codec.GradedTemporalID([]byte{header, 1}, layers); id != layer || !ok {
				t.Errorf("%d layers, header %#x: %d, %v, want %d", layers, header, id, ok, layer)
			}
		}
	}
	if _, ok := codec.GradedTemporalID([]byte{0x67, 1}, 3); ok {
		t.Error("an SPS has a temporal layer")
	}
}

func FuzzH264TemporalID(f *testing.F) {
	f.Add([]byte{0x58, 0, 4, 0x4e, 0x80, 0, 0x27, 0, 2, 0x41, 9})
	f.Add([]byte{0x1c, 0x81, 9})
	f.Fuzz(func(t *testing.T, payload []byte) {
		if id, ok := codec.H264TemporalID(payload); id < 0 || id > 7 || !ok && id != 0 {
			t.Errorf("%d, %v", id, ok)
		}
		if id, _ := codec.GradedTemporalID(payload, 3); id < 0 || id > 2 {
			t.Errorf("graded: %d", id)
		}
	})
}
