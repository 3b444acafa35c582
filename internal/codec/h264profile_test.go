package codec

import (
	"strings"
	"testing"
)

func TestProfileName(t *testing.T) {
	tests := map[string]string{
		"42e01f": "Constrained Baseline 3.1",
		"42C01F": "Constrained Baseline 3.1",
		"42001f": "Baseline 3.1",
		"42f00b": "Constrained Baseline 1b",
		"4d0028": "Main 4",
		"4d801f": "Constrained Baseline 3.1",
		"58001f": "Extended 3.1",
		"58801f": "Baseline 3.1",
		"58c01f": "Constrained Baseline 3.1",
		"640c1f": "Constrained High 3.1",
		"640033": "High 5.1",
		"6e001f": "High 10 3.1",
		"6e101f": "profile_idc 110 3.1", // intra only
		"7a001f": "High 4:2:2 3.1",
		"f4001f": "High 4:4:4 3.1",
		"640009": "High 1b",
		"":       `""`,
		"42e0":   `"42e0"`,
		"xxe01f": `"xxe01f"`,
	}
	for id, want := range tests {
		if got := ProfileName(id); got != want {
			t.Errorf("ProfileName(%q) = %q, want %q", id, got, want)
		}
	}
}

// What a stranger calls a codec is shown, not repeated at length.
func TestDescriptionsAreShort(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for _, c := range []Codec{
		{MimeType: "video/" + long, ClockRate: 90_000},
		{MimeType: H264, ClockRate: 90_000, Fmtp: "profile-level-id=" + long + ";packetization-mode=" + long},
		{MimeType: AV1, ClockRate: 90_000, Fmtp: "profile=" + long},
	} {
		if s := c.String(); len(s) > 200 {
			t.Errorf("%d bytes: %s", len(s), s)
		}
	}
}
