package v4l2

import (
	"encoding/binary"
	"fmt"

	"github.com/pion/mediadevices/pkg/frame"

	"porthole/capture/media"
	"porthole/capture/v4l2/videodev"
)

// unpack makes a picture of what a driver has put into a buffer. A picture with an odd side loses its last row or column.
func unpack(p *media.Picture, data []byte, l videodev.Layout) error {
	format, _ := formatOf(l.Format)
	switch format.name {
	case "MJPEG", "JPEG":
		return unpackJPEG(p, data)
	case "YUYV":
		return unpackPacked(p, data, l, 0)
	case "UYVY":
		return unpackPacked(p, data, l, 8)
	case "I420", "NV12", "NV21":
		return unpackPlanes(p, data, l, format.name)
	}
	return fmt.Errorf("pixel format %v is not known", l.Format)
}

// unpackJPEG decodes what cameras send as JPEG, often without the tables that all of them share.
func unpackJPEG(p *media.Picture, data []byte) error {
	decoder, err := frame.NewDecoder(frame.FormatMJPEG)
	if err != nil {
		return err
	}
	img, release, err := decoder.Decode(data, 0, 0)
	if err != nil {
		return err
	}
	defer release()
	return p.Load(img, true)
}

// size prepares p for pictures of this layout, of which data must have so many bytes.
func size(p *media.Picture, data []byte, l videodev.Layout, stride, need int) error {
	width, height := l.Width&^1, l.Height&^1
	if width < 2 || height < 2 || stride < 1 || len(data) < need {
		return fmt.Errorf("%w: %d bytes for %dx%d", media.ErrBadPicture, len(data), l.Width, l.Height)
	}
	p.Resize(width, height)
	return nil
}

// unpackPacked unpacks 4:2:2, of which two pixels are four bytes: luma, chroma, luma, chroma; or, shifted by eight bits, the other way round.
// Of chroma it takes every second row: the half line of shift is not visible.
func unpackPacked(p *media.Picture, data []byte, l videodev.Layout, lumaShift uint) error {
	stride := max(l.Stride, 2*(l.Width&^1))
	if err := size(p, data, l, stride, stride*(l.Height&^1-1)+2*(l.Width&^1)); err != nil {
		return err
	}
	half := p.Width / 2
	for y := range p.Height {
		row, luma := data[y*stride:][:2*p.Width], p.Y[y*p.Width:][:p.Width]
		if y%2 == 0 {
			unpackRow(luma, p.U[y/2*half:][:half], p.V[y/2*half:][:half], row, lumaShift)
		} else {
			unpackLuma(luma, row, lumaShift)
		}
	}
	return nil
}

// every2nd has the bits of every second byte.
const every2nd = 0x00ff00ff00ff00ff

// gather moves four bytes of which every second one is set together.
func gather(v uint64) uint32 {
	v = (v | v>>8) & 0x0000ffff0000ffff
	return uint32(v | v>>16)
}

// unpackRow takes four pixels at a time.
func unpackRow(luma, u, v, row []byte, shift uint) {
	i := 0
	for ; i+4 <= len(luma); i += 4 {
		word := binary.LittleEndian.Uint64(row[2*i:])
		binary.LittleEndian.PutUint32(luma[i:], gather(word>>shift&every2nd))
		chroma := gather(word >> (8 - shift) & every2nd)
		u[i/2], u[i/2+1] = byte(chroma), byte(chroma>>16)
		v[i/2], v[i/2+1] = byte(chroma>>8), byte(chroma>>24)
	}
	if i < len(luma) {
		pair := binary.LittleEndian.Uint32(row[2*i:])
		luma[i], luma[i+1] = byte(pair>>shift), byte(pair>>(shift+16))
		u[i/2], v[i/2] = byte(pair>>(8-shift)), byte(pair>>(24-shift))
	}
}

func unpackLuma(luma, row []byte, shift uint) {
	i := 0
	for ; i+4 <= len(luma); i += 4 {
		binary.LittleEndian.PutUint32(luma[i:], gather(binary.LittleEndian.Uint64(row[2*i:])>>shift&every2nd))
	}
	if i < len(luma) {
		pair := binary.LittleEndian.Uint32(row[2*i:])
		luma[i], luma[i+1] = byte(pair>>shift), byte(pair>>(shift+16))
	}
}

// unpackPlanes unpacks 4:2:0 with a plane of luma, and after it two of chroma, or one with both in turns.
func unpackPlanes(p *media.Picture, data []byte, l videodev.Layout, format string) error {
	stride := max(l.Stride, l.Width)
	chroma, chromaStride := data[min(stride*l.Height, len(data)):], stride/2
	need := stride * l.Height
	if format == "I420" {
		need += 2 * chromaStride * (l.Height / 2)
	} else {
		need += stride * (l.Height / 2)
	}
	if err := size(p, data, l, chromaStride, need); err != nil {
		return err
	}
	for y := range p.Height {
		copy(p.Y[y*p.Width:][:p.Width], data[y*stride:])
	}
	half := p.Width / 2
	second := chroma[min(chromaStride*(l.Height/2), len(chroma)):]
	for y := range p.Height / 2 {
		u, v := p.U[y*half:][:half], p.V[y*half:][:half]
		switch format {
		case "I420":
			copy(u, chroma[y*chromaStride:])
			copy(v, second[y*chromaStride:])
		case "NV21":
			split(v, u, chroma[y*stride:])
		default:
			split(u, v, chroma[y*stride:])
		}
	}
	return nil
}

// split takes bytes in turns.
func split(a, b, from []byte) {
	from = from[:2*len(a)]
	for i := range a {
		a[i], b[i] = from[2*i], from[2*i+1]
	}
}
