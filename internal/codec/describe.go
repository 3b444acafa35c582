package codec

import (
	"fmt"
	"strconv"
)

// String names the codec with what tells it from its siblings, for messages.
func (c Codec) String() string {
	name := shown(c.Name())
	switch {
	case c.ClockRate != c.RightClockRate(): // what is wrong with it
		return name + "/" + strconv.FormatUint(uint64(c.ClockRate), 10)
	case c.Is(H264):
		return describeH264(c)
	case c.Is(H265):
		return name + " profile " + shown(c.ParameterOr("profile-id", "1"))
	case c.Is(VP9):
		return name + " profile " + shown(c.ParameterOr("profile-id", "0"))
	case c.Is(AV1):
		return name + " profile " + shown(c.ParameterOr("profile", "0"))
	}
	return name
}

// shown is what a message shows of a name or a value that a stranger chose.
func shown(s string) string { return fmt.Sprintf("%.60s", s) }

func describeH264(c Codec) string {
	profile := "without profile-level-id"
	if id, ok := c.Parameter("profile-level-id"); ok {
		profile = ProfileName(id)
	}
	if mode, ok := c.Parameter("packetization-mode"); ok {
		return "H264 " + profile + " mode " + shown(mode)
	}
	return "H264 " + profile
}
