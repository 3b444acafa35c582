package videodev

// extensionUnits reads the descriptors of a USB device (USB 2.0 section 9.5, UVC 1.5 section 3.7.2.7).
func extensionUnits(descriptors []byte) (units []ExtensionUnit) {
	const classSpecific, extension = 0x24, 0x06 // CS_INTERFACE, VC_EXTENSION_UNIT
	const videoClass, control = 0x0e, 0x01      // of interfaces
	inControl := false
	for len(descriptors) >= 2 {
		size, kind := int(descriptors[0]), descriptors[1]
		if size < 2 || size > len(descriptors) {
			return units
		}
		d := descriptors[:size]
		descriptors = descriptors[size:]
		switch {
		case kind == 0x04 && size >= 9: // an interface begins
			inControl = d[5] == videoClass && d[6] == control
		case inControl && kind == classSpecific && size >= 20 && d[2] == extension:
			units = append(units, ExtensionUnit{ID: d[3], GUID: [16]byte(d[4:20])})
		}
	}
	return units
}
