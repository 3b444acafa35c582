package v4l2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"porthole/capture/source"
	"porthole/capture/v4l2/videodev"
)

// Controls of encoders (linux/v4l2-controls.h).
const (
	codecControls      = 0x00990900
	controlBFrames     = codecControls + 202
	controlGOP         = codecControls + 203
	controlBitrate     = codecControls + 207
	controlHeaders     = codecControls + 216
	controlRepeat      = codecControls + 226
	controlKeyframe    = codecControls + 229
	controlPeriod      = codecControls + 358
	controlProfile     = codecControls + 363
	controlPrepend     = codecControls + 644
	profileBaseline    = 0
	profileConstrained = 1
	headersJoined      = 1 // with the picture behind them
)

// The extension unit of USB cameras that encode H.264 ("USB Device Class Definition for Video Devices: H.264 Payload", version 1.5).
const (
	unitProbe      = 0x01 // UVCX_VIDEO_CONFIG_PROBE
	unitCommit     = 0x02 // UVCX_VIDEO_CONFIG_COMMIT
	unitPicture    = 0x09 // UVCX_PICTURE_TYPE_CONTROL
	unitConfigSize = 46   // bytes, of the first two
	pictureIDR     = 1

	hintResolution = 0x0001
	hintProfile    = 0x0002
	hintInterval   = 0x0800
	hintBitrate    = 0x2000
	hintPeriod     = 0x8000
	unitBaseline   = 0x4240 // profile_idc, and constraint_set1_flag
)

// h264Unit is its name: A29E7641-DE04-47E3-8B2B-F4341AFF003B.
func h264Unit() [16]byte {
	return [16]byte{0x41, 0x76, 0x9e, 0xa2, 0x04, 0xde, 0xe3, 0x47, 0x8b, 0x2b, 0xf4, 0x34, 0x1a, 0xff, 0x00, 0x3b}
}

// ownEncoder is the encoder inside a camera, as far as it can be told what to do: by controls, or by the extension unit.
type ownEncoder struct {
	node     Node
	controls map[uint32]videodev.Control
	unit     uint8 // 0: none
}

func encoderIn(node Node) *ownEncoder {
	e := &ownEncoder{node: node, controls: make(map[uint32]videodev.Control)}
	controls, _ := node.Controls() // without them, it does what it does
	for _, c := range controls {
		e.controls[c.ID] = c
	}
	for _, u := range node.ExtensionUnits() {
		if u.GUID == h264Unit() {
			e.unit = u.ID
		}
	}
	return e
}

// configure asks for what browsers play, in the bitrate of the spec. The error says what was refused: the camera then does it as it likes.
func (e *ownEncoder) configure(mode Choice, spec source.Spec) error {
	period := int64(max(1, spec.Keyframe.Seconds()*ExpectedRate(mode, spec)))
	profile := int64(profileConstrained)
	if c, ok := e.controls[controlProfile]; ok && !hasItem(c, profile) {
		profile = profileBaseline
	}
	var refused []error
	for _, setting := range []struct {
		id    uint32
		value int64
	}{
		{controlProfile, profile}, {controlBFrames, 0}, {controlBitrate, int64(spec.Bitrate)}, {controlPeriod, period}, {controlGOP, period},
		{controlRepeat, 1}, {controlPrepend, 1}, {controlHeaders, headersJoined},
	} {
		c, ok := e.controls[setting.id]
		if !ok || c.ReadOnly {
			continue
		}
		if err := e.node.Set(c.ID, min(max(setting.value, c.Min), c.Max)); err != nil {
			refused = append(refused, err)
		}
	}
	if e.unit != 0 {
		refused = append(refused, e.configureUnit(mode, spec))
	}
	return errors.Join(refused...)
}

func hasItem(c videodev.Control, index int64) bool {
	for _, item := range c.Items {
		if item.Index == index {
			return true
		}
	}
	return false
}

// configureUnit negotiates: what the camera has, with our wishes, is proposed, and what it makes of that is put in force.
func (e *ownEncoder) configureUnit(mode Choice, spec source.Spec) error {
	config := make([]byte, e.configSize())
	if err := e.node.AskUnit(e.unit, unitProbe, videodev.GetCur, config); err != nil {
		return fmt.Errorf("encoder's configuration: %w", err)
	}
	le := binary.LittleEndian
	le.PutUint32(config[0:], uint32(1e7/ExpectedRate(mode, spec))) // dwFrameInterval, in 100 ns
	le.PutUint32(config[4:], uint32(spec.Bitrate))                 // dwBitRate
	le.PutUint16(config[8:], hintResolution|hintProfile|hintInterval|hintBitrate|hintPeriod)
	le.PutUint16(config[12:], uint16(mode.Width))
	le.PutUint16(config[14:], uint16(mode.Height))
	le.PutUint16(config[20:], unitBaseline)                                         // wProfile
	le.PutUint16(config[22:], uint16(min(spec.Keyframe/time.Millisecond, 1<<16-1))) // wIFramePeriod
	config[33] = 0                                                                  // bStreamMuxOption: H.264 by itself, not within JPEG
	config[34] = 0                                                                  // bStreamFormat: Annex B
	config[37] = 0                                                                  // bNumOfReorderFrames
	if err := e.node.AskUnit(e.unit, unitProbe, videodev.SetCur, config); err != nil {
		return fmt.Errorf("propose the encoder's configuration: %w", err)
	}
	if err := e.node.AskUnit(e.unit, unitProbe, videodev.GetCur, config); err != nil {
		return fmt.Errorf("encoder's configuration: %w", err)
	}
	if err := e.node.AskUnit(e.unit, unitCommit, videodev.SetCur, config); err != nil {
		return fmt.Errorf("put the encoder's configuration in force: %w", err)
	}
	return nil
}

// configSize is how long a configuration is: the kernel refuses what is not exactly so long, and later versions of the specification may add to it.
func (e *ownEncoder) configSize() int {
	var length [2]byte
	if e.node.AskUnit(e.unit, unitProbe, videodev.GetLen, length[:]) != nil {
		return unitConfigSize
	}
	return max(int(binary.LittleEndian.Uint16(length[:])), unitConfigSize)
}

// answers says whether the encoder makes keyframes when it is asked.
func (e *ownEncoder) answers() bool {
	_, control := e.controls[controlKeyframe]
	return control || e.unit != 0
}

// requestKeyframe asks for one. It may take as long as the camera's bus does.
func (e *ownEncoder) requestKeyframe() error {
	if _, ok := e.controls[controlKeyframe]; ok {
		return e.node.Set(controlKeyframe, 1)
	}
	return e.node.AskUnit(e.unit, unitPicture, videodev.SetCur, []byte{0, 0, pictureIDR, 0}) // wLayerID, wPicType
}
