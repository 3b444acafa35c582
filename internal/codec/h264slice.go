package codec

// H264HasB says whether a NAL unit of H.264 begins a slice that may refer to pictures on both sides of it (slice_type B, ITU-T H.264
// section 7.3.3). Such pictures are not sent in the order in which they are shown, which browsers take them to be.
func H264HasB(nal []byte) bool {
	if len(nal) < 2 || nal[0]&0x1f != NALSlice {
		return false
	}
	b := bitReader{data: unescape(nal[1:min(len(nal), 1+16)])} // the two numbers take eight bytes at most
	b.ue()                                                     // first_mb_in_slice
	kind := b.ue()
	return !b.short && kind%5 == 1
}

// H264SliceGroups says whether a picture parameter set has pictures cut into slice groups, or sent twice (num_slice_groups_minus1 and
// redundant_pic_cnt_present_flag, ITU-T H.264 section 7.3.2.2). Without both, and without slices out of order, which no camera
// sends, what is Baseline is Constrained Baseline as well.
func H264SliceGroups(pps []byte) bool {
	if len(pps) < 2 || pps[0]&0x1f != NALPPS {
		return false
	}
	b := bitReader{data: unescape(pps[1:min(len(pps), 1+64)])}
	b.ue()  // pic_parameter_set_id
	b.ue()  // seq_parameter_set_id
	b.bit() // entropy_coding_mode_flag
	b.bit() // bottom_field_pic_order_in_frame_present_flag
	if b.ue() > 0 {
		return true
	}
	b.ue() // num_ref_idx_l0_default_active_minus1
	b.ue() // num_ref_idx_l1_default_active_minus1
	b.bit()
	b.bit() // weighted_bipred_idc has two
	b.bit()
	b.se()  // pic_init_qp_minus26
	b.se()  // pic_init_qs_minus26
	b.se()  // chroma_qp_index_offset
	b.bit() // deblocking_filter_control_present_flag
	b.bit() // constrained_intra_pred_flag
	return b.bit() == 1
}
