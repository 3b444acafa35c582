package codec

import "testing"

func TestVP8Size(t *testing.T) {
	for _, c := range []struct {
		name, payload string
		width, height uint16
		ok            bool
	}{
		{"640x360", "10" + "100200" + "9d012a" + "8002" + "6801", 640, 360, true},
		{"behind a picture id, scaled by the renderer", "9080" + "8123" + "100200" + "9d012a" + "8042" + "6881", 640, 360, true},
		{"no start code", "10" + "100200" + "9d012b" + "8002" + "6801", 0, 0, false},
		{"cut", "10" + "100200" + "9d012a" + "8002" + "68", 0, 0, false},
		{"nothing", "", 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			width, height, ok := VP8Size(unhex(t, c.payload))
			if width != c.width || height != c.height || ok != c.ok {
				t.Errorf("%dx%d, %v", width, height, ok)
			}
		})
	}
}

func TestVP8Frame(t *testing.T) {
	for _, c := range []struct {
		name, payload, want string
		ok                  bool
	}{
		{"no extension", "10" + "aabb", "aabb", true},
		{"everything", "90" + "f0" + "8123" + "01" + "01" + "aabb", "aabb", true},
		{"short picture id", "90" + "80" + "23" + "aa", "aa", true},
		{"descriptor alone", "10", "", false},
		{"cut", "90" + "80" + "81", "", false},
		{"nothing", "", "", false},
	} {
		part, ok := VP8Frame(unhex(t, c.payload))
		if ok != c.ok || string(part) != string(unhex(t, c.want)) {
			t.Errorf("%s: %x, %v", c.name, part, ok)
		}
	}
}
