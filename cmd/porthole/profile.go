package main

import "porthole/internal/settings"

// The profiles: what is different about networks, as presets of settings.
const (
	profileLAN      = "lan"      // clients are in the same network, or can reach it
	profileInternet = "internet" // clients come from anywhere, through NATs
	profileRelay    = "relay"    // only TURN servers are reachable, or may be
)

func profiles() []string { return []string{profileLAN, profileInternet, profileRelay} }

// preset returns what a profile says, as a layer that lies over the defaults and
// under everything that is set by hand in layers.
func preset(profile string, byHand settings.Layers) settings.Layer {
	presets := map[string]map[string][]string{
		profileInternet: {
			// Two, because their answers together tell what kind the NAT is.
			"stun": {"stun:stun.cloudflare.com:3478", "stun:stun.nextcloud.com:443"},
		},
		profileRelay: {
			"ice-policy": {"relay"},
			// Our own relays reach our own port, which this profile does not tell clients.
			"turn-listen": {turnOff},
		},
	}[profile]
	layer := make(settings.Layer, len(presets))
	for name, values := range presets {
		layer[name] = settings.Assignment{Values: values, Origin: "--profile " + profile}
	}
	for _, name := range []string{"public-ip", "advertise"} {
		if _, ok := byHand.Find(name); ok { // then nobody need be asked for the address
			delete(layer, "stun")
		}
	}
	return layer
}
