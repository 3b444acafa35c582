//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// stunServer answers STUN requests as reply says, after a while; nil is no answer.
// It returns its URL.
func stunServer(t testing.TB, after time.Duration, reply func(request *stun.Message, from *net.UDPAddr) []byte) string {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() { // ends with the socket
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDP(b)
			if err != nil {
				return
			}
			request := &stun.Message{Raw: append([]byte(nil), b[:n]...)}
			if request.Decode() != nil {
				continue
			}
			answer := reply(request, from)
			if answer == nil {
				continue
			}
			time.AfterFunc(after, func() { _, _ = conn.WriteToUDP(answer, from) }) // the socket may be closed by then
		}
	}()
	return "stun:" + conn.LocalAddr().String()
}

func bindingAnswer(request *stun.Message, from *net.UDPAddr) []byte {
	return stun.MustBuild(stun.NewTransactionIDSetter(request.TransactionID), stun.BindingSuccess,
		&stun.XORMappedAddress{IP: from.IP, Port: from.Port}).Raw
}

// TestAnswersNeverWait measures the time from a POST to its 201 with STUN servers in
// every state of health. Six seconds of it are what gathering at the wrong moment
// costs elsewhere.
func TestAnswersNeverWait(t *testing.T) {
	const posts = 200
	program := plainBinary(t)
	live := func(t testing.TB) string { return stunServer(t, 0, bindingAnswer) }
	dead := func(t testing.TB) string {
		return stunServer(t, 0, func(*stun.Message, *net.UDPAddr) []byte { return nil })
	}
	slow := func(t testing.TB) string { return stunServer(t, 3*time.Second, bindingAnswer) }
	garbage := func(t testing.TB) string {
		return stunServer(t, 0, func(*stun.Message, *net.UDPAddr) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") })
	}
	var baseline time.Duration // median with no STUN server
	for _, test := range []struct {
		name   string
		number int
		server func(testing.TB) string
	}{
		{"none", 0, nil},
		{"live", 1, live},
		{"dead", 1, dead},
		{"dead", 3, dead},
		{"slow", 1, slow},
		{"slow", 3, slow},
		{"garbage", 1, garbage},
		{"garbage", 3, garbage},
	} {
		t.Run(fmt.Sprintf("%d %s", test.number, test.name), func(t *testing.T) {
			args := []string{"--source", patternSource, "--rate-limit", "0"}
			for range test.number {
				args = append(args, "--stun", test.server(t))
			}
			s := startProgram(t, program, args...)
			offer := publisherOffer(t, s)
			watch := startStopwatch()
			var took []time.Duration
			for i := range posts {
				began := time.Now()
				p := peer{server: s}
				if _, err := p.post(fmt.Sprintf("/whip/row%d", i), offer); err != nil {
					t.Fatal(err)
				}
				took = append(took, time.Since(began))
				if err := p.delete(); err != nil {
					t.Fatal(err)
				}
			}
			lost := watch.gone()
			slices.Sort(took)
			median, p99, most := took[posts/2], took[posts*99/100], took[posts-1]
			t.Logf("POST to 201: median %v, p99 %v, most %v of %d",
				median.Round(10*time.Microsecond), p99.Round(10*time.Microsecond), most.Round(10*time.Microsecond), posts)
			if baseline == 0 {
				baseline = median
			}
			// Waiting for a server would add half a second at the least.
			if median > baseline+100*time.Millisecond+lost/posts {
				t.Errorf("median %v, without a STUN server %v", median, baseline)
			}
			if most >= time.Second+lost {
				t.Errorf("one answer took %v", most)
			}
		})
	}
}

// publisherOffer makes the offer of a publisher, for sessions that nobody connects.
func publisherOffer(t testing.TB, s *server) string {
	t.Helper()
	p, err := newPublisher(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.close() })
	offer, err := p.offer()
	if err != nil {
		t.Fatal(err)
	}
	return offer
}
