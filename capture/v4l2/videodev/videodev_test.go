package videodev

import (
	"slices"
	"testing"
)

func TestFourCC(t *testing.T) {
	for text, number := range map[string]FourCC{"H264": 0x34363248, "YUYV": 0x56595559, "Y16 ": 0x20363159} {
		if got := Code(text); got != number {
			t.Errorf("%q is %#x, want %#x", text, got, number)
		}
	}
	if got := Code("Y16 ").String(); got != "Y16" {
		t.Errorf("got %q", got)
	}
}

// interfaceDescriptor is one of class and subclass (USB 2.0 table 9-12).
func interfaceDescriptor(class, subclass byte) []byte {
	return []byte{9, 0x04, 0, 0, 1, class, subclass, 0, 0}
}

func unitDescriptor(id byte, guid [16]byte) []byte {
	d := append([]byte{0, 0x24, 0x06, id}, guid[:]...)
	d = append(d, 10, 1, 1, 2, 0xff, 0x01, 0)
	d[0] = byte(len(d))
	return d
}

func TestExtensionUnits(t *testing.T) {
	h264, other := [16]byte{1, 2, 3}, [16]byte{4, 5, 6}
	descriptors := slices.Concat(
		[]byte{18, 1, 0, 2, 0xef, 2, 1, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, // of the device
		[]byte{9, 2, 0, 2, 4, 1, 0, 0x80, 250},                            // of the configuration
		interfaceDescriptor(0x0e, 1), unitDescriptor(6, other), unitDescriptor(12, h264),
		interfaceDescriptor(0x0e, 2), unitDescriptor(7, h264), // the number means something else there
		interfaceDescriptor(0x01, 1), unitDescriptor(8, h264), // so it does in sound
	)
	want := []ExtensionUnit{{6, other}, {12, h264}}
	if got := extensionUnits(descriptors); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for cut := range descriptors {
		if got := extensionUnits(descriptors[:cut]); len(got) > len(want) {
			t.Errorf("of %d bytes: %v", cut, got)
		}
	}
}

// FuzzExtensionUnits feeds it what a device might say that means harm.
func FuzzExtensionUnits(f *testing.F) {
	f.Add(slices.Concat(interfaceDescriptor(0x0e, 1), unitDescriptor(6, [16]byte{1})))
	f.Add([]byte{0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if units := extensionUnits(b); len(units) > len(b)/20 {
			t.Errorf("%d units in %d bytes", len(units), len(b))
		}
	})
}
