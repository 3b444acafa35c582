package codec

import "fmt"

// H264SPS is what a viewer's answer and the API need of an H.264 sequence
// parameter set (ITU-T H.264 section 7.3.2.1).
type H264SPS struct {
	ProfileLevelID string // six hex digits, as in SDP (RFC 6184 section 8.1)
	Width, Height  int    // of the cropped picture; 0 when they could not be read
	// ConstrainedBaseline is the one profile that every browser decodes.
	ConstrainedBaseline bool
}

// MayHaveSPS tells payloads in which looking for an SPS is worth it. They are not empty.
func MayHaveSPS(payload []byte) bool {
	t := payload[0] & 0x1f
	return t == NALSPS || t == NALSTAPA
}

// FindSPS returns what the SPS in an RTP payload says, if there is a whole one.
func FindSPS(payload []byte) (info H264SPS, ok bool) {
	h264NALs(payload, func(nal []byte, whole bool) {
		if !ok && whole && nal[0]&0x1f == NALSPS && len(nal) >= 4 {
			info, ok = parseSPS(nal), true
		}
	})
	return info, ok
}

// parseSPS reads a whole SPS NAL unit of at least four bytes.
func parseSPS(nal []byte) H264SPS {
	info := H264SPS{
		ProfileLevelID:      fmt.Sprintf("%02x%02x%02x", nal[1], nal[2], nal[3]),
		ConstrainedBaseline: H264ID{IDC: nal[1], Flags: nal[2], Level: nal[3]}.Profile() == H264ConstrainedBaseline,
	}
	b := bitReader{data: unescape(nal[4:])}
	b.ue() // seq_parameter_set_id
	chromaFormat := uint(1)
	switch nal[1] {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		chromaFormat = b.highProfileFields()
	}
	b.ue() // log2_max_frame_num_minus4
	switch b.ue() {
	case 0:
		b.ue() // log2_max_pic_order_cnt_lsb_minus4
	case 1:
		b.bit()
		b.ue() // signed ones have the same length
		b.ue()
		for range min(b.ue(), 255) {
			b.ue()
		}
	}
	b.ue()  // max_num_ref_frames
	b.bit() // gaps_in_frame_num_value_allowed_flag
	widthMBs, heightUnits := b.ue()+1, b.ue()+1
	frameOnly := b.bit()
	if frameOnly == 0 {
		b.bit() // mb_adaptive_frame_field_flag
	}
	b.bit() // direct_8x8_inference_flag
	width, height := int(widthMBs*16), int(heightUnits*16*(2-frameOnly))
	if b.bit() == 1 {
		cropX, cropY := 1, int(2-frameOnly)
		if chromaFormat == 1 || chromaFormat == 2 {
			cropX = 2
		}
		if chromaFormat == 1 {
			cropY *= 2
		}
		width -= int(b.ue()+b.ue()) * cropX
		height -= int(b.ue()+b.ue()) * cropY
	}
	const limit = 16384
	if !b.short && width > 0 && height > 0 && width <= limit && height <= limit {
		info.Width, info.Height = width, height
	}
	return info
}

// highProfileFields reads what only the high profiles have and returns chroma_format_idc.
func (b *bitReader) highProfileFields() uint {
	chroma := b.ue()
	if chroma == 3 {
		b.bit() // separate_colour_plane_flag
	}
	b.ue()  // bit_depth_luma_minus8
	b.ue()  // bit_depth_chroma_minus8
	b.bit() // qpprime_y_zero_transform_bypass_flag
	if b.bit() == 0 {
		return chroma
	}
	lists := 8
	if chroma == 3 {
		lists = 12
	}
	for i := range lists {
		if b.bit() == 0 {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		last, next := 8, 8
		for range size {
			if next != 0 {
				next = (last + b.se() + 256) % 256
			}
			if next != 0 {
				last = next
			}
		}
	}
	return chroma
}

// unescape removes emulation prevention bytes (ITU-T H.264 section 7.4.1).
func unescape(data []byte) []byte {
	out := make([]byte, 0, len(data))
	zeros := 0
	for _, c := range data {
		if zeros >= 2 && c == 3 {
			zeros = 0
			continue
		}
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, c)
	}
	return out
}

// bitReader reads bits, most significant first. Past the end it gives zeros and
// sets short.
type bitReader struct {
	data  []byte
	pos   int
	short bool
}

func (b *bitReader) bit() uint {
	if b.pos >= len(b.data)*8 {
		b.short = true
		return 0
	}
	v := uint(b.data[b.pos/8]>>(7-b.pos%8)) & 1
	b.pos++
	return v
}

// ue reads an unsigned Exp-Golomb code (ITU-T H.264 section 9.1).
func (b *bitReader) ue() uint {
	zeros := 0
	for b.bit() == 0 {
		if zeros++; zeros > 31 || b.short {
			b.short = true
			return 0
		}
	}
	v := uint(1)
	for range zeros {
		v = v<<1 | b.bit()
	}
	return v - 1
}

// se reads a signed Exp-Golomb code.
func (b *bitReader) se() int {
	v := int(b.ue())
	if v%2 == 0 {
		return -(v / 2)
	}
	return (v + 1) / 2
}
