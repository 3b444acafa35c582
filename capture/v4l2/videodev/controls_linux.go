package videodev

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Controls lists the device's controls that have one number for a value, or none, in the order of the driver, with what they are now.
func (d *Device) Controls() ([]Control, error) {
	var list []Control
	id := uint32(0)
	for range 1000 { // the bound is for drivers without an end
		q := queryControl{id: id | nextControl}
		err := do(d.fd, queryExtended, unsafe.Pointer(&q))
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY) {
			break
		}
		if err != nil {
			return list, fmt.Errorf("%s: list controls: %w", d.path, err)
		}
		id = q.id
		if c, ok := d.control(q); ok {
			list = append(list, c)
		}
	}
	return list, nil
}

// control reads the rest of what is to know of one.
func (d *Device) control(q queryControl) (Control, bool) {
	kind, ok := kindOf(q.kind)
	if !ok || q.flags&ctrlDisabled != 0 || q.dims != 0 {
		return Control{}, false
	}
	c := Control{
		ID: q.id, Kind: kind, Title: text(q.name[:]), Min: q.minimum, Max: q.maximum, Step: q.step, Default: q.defaultValue,
		ReadOnly: q.flags&ctrlReadOnly != 0, WriteOnly: q.flags&ctrlWriteOnly != 0 || kind == Button, Inactive: q.flags&ctrlInactive != 0,
		Grabbed: q.flags&ctrlGrabbed != 0, Volatile: q.flags&ctrlVolatile != 0,
	}
	if kind == Menu || kind == IntegerMenu {
		c.Items = d.items(c)
	}
	if !c.WriteOnly {
		value, err := d.Value(c.ID)
		c.Value, c.WriteOnly = value, err != nil
	}
	return c, true
}

func kindOf(kind uint32) (Kind, bool) {
	switch kind {
	case ctrlTypeInteger, ctrlTypeInteger8:
		return Integer, true
	case ctrlTypeBoolean:
		return Boolean, true
	case ctrlTypeMenu:
		return Menu, true
	case ctrlTypeIntMenu:
		return IntegerMenu, true
	case ctrlTypeButton:
		return Button, true
	}
	return 0, false
}

// items lists a menu, which may have holes.
func (d *Device) items(c Control) (items []Item) {
	for i := max(c.Min, 0); i <= min(c.Max, 255); i++ {
		m := queryMenu{id: c.ID, index: uint32(i)}
		if do(d.fd, queryMenuItem, unsafe.Pointer(&m)) != nil {
			continue
		}
		item := Item{Index: i}
		if c.Kind == IntegerMenu {
			item.Value = int64(binary.NativeEndian.Uint64(m.text[:8]))
		} else {
			item.Title = text(m.text[:])
		}
		items = append(items, item)
	}
	return items
}

// Value reads a control.
func (d *Device) Value(id uint32) (int64, error) {
	q, err := d.query(id)
	if err != nil {
		return 0, err
	}
	c := extendedControl{id: id}
	if err := d.exchange("read a control", getControls, &c); err != nil {
		return 0, err
	}
	if q.kind == ctrlTypeInteger8 {
		return int64(binary.NativeEndian.Uint64(c.value[:])), nil
	}
	return int64(int32(binary.NativeEndian.Uint32(c.value[:]))), nil
}

// Set sets a control. What it becomes is what the driver makes of the value: the nearest that is possible. ERANGE or EINVAL in the
// error say that it makes nothing of it, EACCES that it cannot be set, EBUSY not now.
func (d *Device) Set(id uint32, value int64) error {
	q, err := d.query(id)
	if err != nil {
		return err
	}
	c := extendedControl{id: id}
	if q.kind == ctrlTypeInteger8 {
		binary.NativeEndian.PutUint64(c.value[:], uint64(value))
	} else {
		binary.NativeEndian.PutUint32(c.value[:], uint32(int32(value)))
	}
	return d.exchange("set "+text(q.name[:]), setControls, &c)
}

func (d *Device) query(id uint32) (queryControl, error) {
	q := queryControl{id: id}
	return q, d.do("ask for a control", queryExtended, unsafe.Pointer(&q))
}

func (d *Device) exchange(what string, number uint, c *extendedControl) error {
	all := extendedControls{which: whichCurrent, count: 1, controls: unsafe.Pointer(c)}
	return d.do(what, number, unsafe.Pointer(&all))
}
