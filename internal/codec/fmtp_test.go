package codec

import "testing"

func TestParameters(t *testing.T) {
	c := Codec{MimeType: "video/h264", Fmtp: "packetization-mode=1; Profile-Level-Id=42e01f;x"}
	if v, ok := c.Parameter("profile-level-id"); v != "42e01f" || !ok {
		t.Errorf("%q, %v", v, ok)
	}
	if v, ok := c.Parameter("x"); v != "" || !ok {
		t.Errorf("a parameter without value: %q, %v", v, ok)
	}
	if v := c.ParameterOr("level-asymmetry-allowed", "0"); v != "0" {
		t.Errorf("a parameter that is not there: %q", v)
	}
	if v, _ := (Codec{Fmtp: "a=1;a=2"}).Parameter("a"); v != "2" {
		t.Errorf("of two the last counts: %q", v)
	}
	if got := c.WithParameter("profile-level-id", "640028").Fmtp; got != "packetization-mode=1;x;profile-level-id=640028" {
		t.Errorf("got %q", got)
	}
	if got := (Codec{}).WithParameter("a", "b").Fmtp; got != "a=b" {
		t.Errorf("got %q", got)
	}
	if !c.Is(H264) || c.Is(H265) || c.Kind() != Video || c.Name() != "h264" {
		t.Errorf("%+v is taken for another codec", c)
	}
}

func TestOfferedSets(t *testing.T) {
	c := Codec{Fmtp: "sprop-parameter-sets=Z0LgH4yNQA==,***,aM48gA==;sprop-vps=QAEMAQ==;a=b"}
	if sets := c.OfferedSets(); len(sets) != 3 || sets[0][0] != 0x67 || sets[1][0] != 0x68 || sets[2][0] != 0x40 {
		t.Errorf("%x", sets)
	}
	many := Codec{Fmtp: "sprop-sps="}
	for range 100 {
		many.Fmtp += "QAEMAQ==,"
	}
	if sets := many.OfferedSets(); len(sets) != maxOfferedSets {
		t.Errorf("%d sets are taken, want %d", len(sets), maxOfferedSets)
	}
}
