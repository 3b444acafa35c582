package codec

import "testing"

func TestH264HasB(t *testing.T) {
	for name, test := range map[string]struct {
		nal  []byte
		want bool
	}{
		"B, slice_type 6":         {[]byte{0x01, 0x9e, 0x41}, true},
		"B, slice_type 1":         {[]byte{0x01, 0xa8, 0x41}, true},
		"P, slice_type 5":         {[]byte{0x41, 0x9a, 0x21}, false},
		"P, slice_type 0":         {[]byte{0x41, 0xe0, 0x21}, false},
		"the second slice of a B": {[]byte{0x01, 0x12, 0x7a}, true}, // first_mb_in_slice is 8
		"an IDR picture":          {[]byte{0x65, 0x88, 0x84}, false},
		"nothing":                 {nil, false},
		"no slice header":         {[]byte{0x41}, false},
		"a header that ends":      {[]byte{0x41, 0x00}, false},
	} {
		if got := H264HasB(test.nal); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestH264SliceGroups(t *testing.T) {
	for name, test := range map[string]struct {
		nal  []byte
		want bool
	}{
		"of x264":         {[]byte{0x68, 0xce, 0x3c, 0x80}, false},
		"slice groups":    {[]byte{0x68, 0xc2, 0x3c, 0x80}, true},
		"no parameters":   {[]byte{0x67, 0xc2, 0x3c, 0x80}, false},
		"cut off":         {[]byte{0x68}, false},
		"pictures, twice": {[]byte{0x68, 0xce, 0x3d, 0x80}, true},
	} {
		if got := H264SliceGroups(test.nal); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func FuzzH264Slices(f *testing.F) {
	f.Add([]byte{0x01, 0x9e, 0x41})
	f.Add([]byte{0x68, 0xce, 0x3c, 0x80})
	f.Fuzz(func(_ *testing.T, nal []byte) {
		H264HasB(nal)
		H264SliceGroups(nal)
	})
}
