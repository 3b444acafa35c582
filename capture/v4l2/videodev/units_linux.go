package videodev

import (
	"os"
	"path/filepath"
	"runtime"
	"unsafe"
)

// ExtensionUnits lists those of a USB camera; none of any other.
func (d *Device) ExtensionUnits() []ExtensionUnit {
	// The node belongs to an interface of the USB device, in whose directory are the descriptors as they came over the wire.
	usbInterface, err := filepath.EvalSymlinks(filepath.Join("/sys/class/video4linux", filepath.Base(d.path), "device"))
	if err != nil {
		return nil
	}
	descriptors, err := os.ReadFile(filepath.Join(filepath.Dir(usbInterface), "descriptors"))
	if err != nil {
		return nil
	}
	return extensionUnits(descriptors)
}

// AskUnit asks a control of an extension unit, or sets it: data is what is sent, or filled.
func (d *Device) AskUnit(unit, selector uint8, query Query, data []byte) error {
	q := unitQuery{unit: unit, selector: selector, query: uint8(query), size: uint16(len(data)), data: unsafe.Pointer(unsafe.SliceData(data))}
	err := d.do("ask an extension unit", queryUnit, unsafe.Pointer(&q))
	runtime.KeepAlive(data)
	return err
}
