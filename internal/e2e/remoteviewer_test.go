//go:build e2e

package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

// remoteViewerVariable names the WHEP URL that this program, started again, watches
// instead of running tests: a process of its own has all its sockets in the network
// that it was started in.
const remoteViewerVariable = "E2E_REMOTE_VIEWER"

// remoteResult is what such a viewer prints.
type remoteResult struct {
	Error   string
	Packets int64
	// Local and Remote are the ends of the path, as "relay udp 192.0.2.1:1234".
	Local, Remote string
	Answer        string
}

// remotePackets is how many packets are enough to say that media flows.
const remotePackets = 50

func remoteViewerMain(url string) int {
	result, err := watchRemotely(url)
	if err != nil {
		result.Error = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		return 1
	}
	return 0
}

// watchRemotely is a player that takes the ICE servers that the endpoint names.
func watchRemotely(url string) (result remoteResult, err error) {
	servers, err := namedServers(url)
	if err != nil {
		return result, err
	}
	settings := webrtc.SettingEngine{LoggerFactory: quiet()}
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4}) // pion leaves TCP out
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return result, err
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media)).
		NewPeerConnection(webrtc.Configuration{ICEServers: servers})
	if err != nil {
		return result, err
	}
	defer pc.Close()
	p := &peer{pc: pc}
	p.watchState()
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		return result, err
	}
	var packets atomic.Int64
	enough := make(chan struct{})
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			if packets.Add(1) == remotePackets {
				close(enough)
			}
		}
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return result, err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return result, err
	}
	select { // as the pages do it: servers that are blocked cost a moment, not the session
	case <-gathered:
	case <-time.After(2 * time.Second):
	}
	response, err := http.Post(url, "application/sdp", strings.NewReader(pc.LocalDescription().SDP))
	if err != nil {
		return result, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusCreated {
		return result, fmt.Errorf("POST %s: %s, %w", url, response.Status, err)
	}
	result.Answer = string(answer)
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: result.Answer}); err != nil {
		return result, err
	}
	select {
	case <-enough:
	case <-p.ended:
		return result, fmt.Errorf("the connection failed")
	case <-time.After(20 * time.Second):
		return result, fmt.Errorf("%d packets in 20 s, ICE is %s", packets.Load(), pc.ICEConnectionState())
	}
	result.Packets = packets.Load()
	if pair, err := pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair(); err == nil && pair != nil {
		result.Local, result.Remote = describeEnd(pair.Local), describeEnd(pair.Remote)
	}
	return result, nil
}

func describeEnd(c *webrtc.ICECandidate) string {
	return fmt.Sprintf("%s %s %s:%d", c.Typ, c.Protocol, c.Address, c.Port)
}

// namedServers asks for the ICE servers, before there is an offer to make.
func namedServers(url string) (servers []webrtc.ICEServer, err error) {
	request, err := http.NewRequest(http.MethodOptions, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	response.Body.Close()
	for _, link := range response.Header.Values("Link") {
		if m := iceServerLink.FindStringSubmatch(link); m != nil {
			servers = append(servers, webrtc.ICEServer{URLs: []string{m[1]}, Username: m[2], Credential: m[3]})
		}
	}
	return servers, nil
}

// watchFrom runs a viewer on a machine until media has come.
func watchFrom(t testing.TB, m *machine, url string) remoteResult {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", m.namespace, program)
	cmd.Env = append(os.Environ(), remoteViewerVariable+"="+url)
	var out, faults bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &faults
	if err := cmd.Run(); err != nil {
		t.Fatalf("viewer in %s: %v\n%s%s", m.namespace, err, out.String(), faults.String())
	}
	var result remoteResult
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		t.Fatalf("viewer in %s: %v\n%s", m.namespace, err, out.String())
	}
	if result.Error != "" {
		t.Fatalf("viewer in %s: %s\n%s", m.namespace, result.Error, result.Answer)
	}
	return result
}
