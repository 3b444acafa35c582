package main

import (
	"porthole/internal/server"
	"porthole/internal/settings"
)

func profiles() []string {
	return []string{server.ProfileLAN, server.ProfileInternet, server.ProfileRelay}
}

// preset returns what a profile says, as a layer that lies over the defaults and
// under everything that is set by hand in layers.
func preset(profile string, byHand settings.Layers) settings.Layer {
	presets := map[string]map[string][]string{
		server.ProfileInternet: {
			// Two, because their answers together tell what kind the NAT is.
			"stun": {"stun:stun.cloudflare.com:3478", "stun:stun.nextcloud.com:443"},
		},
		server.ProfileRelay: {
			"ice-policy": {"relay"},
			// Our own relays reach our own port, which this profile does not tell clients.
			"turn-listen": {server.TURNOff},
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
