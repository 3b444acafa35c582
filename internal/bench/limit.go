package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"porthole/internal/egress"
)

const (
	limitKey  = "0123456789abcdef" // nothing is secret here
	limitSalt = "0123456789ab"
	maxPacket = 1500

	payloadType = 102
)

// limit sends the traffic to any number of addresses in the cheapest way that
// there is: encrypt each packet, one system call for a picture. It has no
// sessions, no feedback, no history and no pacing, so nothing that has them can
// be cheaper.
type limit struct {
	conn *egress.Conn

	mu        sync.Mutex
	receivers []*receiver
}

// receiver is one viewer of limit.
type receiver struct {
	addr    netip.AddrPort
	batch   *egress.Destination
	context *srtp.Context
}

// limitMode serves POST /receivers, which takes a JSON list of addresses, and
// sends to them.
func limitMode(ctx context.Context, c child) error {
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return fmt.Errorf("open the socket: %w", err)
	}
	defer udp.Close()
	if err := udp.SetWriteBuffer(4 << 20); err != nil {
		return fmt.Errorf("size the socket's buffer: %w", err)
	}
	conn, err := egress.New(udp, egress.Segmented)
	if err != nil {
		return err
	}
	l := &limit{conn: conn}
	routes := http.NewServeMux()
	routes.HandleFunc("POST /receivers", l.add)
	stop, err := serve(ctx, routes, c.log)
	if err != nil {
		return err
	}
	defer stop()
	return l.run(ctx)
}

func (l *limit) add(w http.ResponseWriter, r *http.Request) {
	var addrs []netip.AddrPort
	if err := json.NewDecoder(r.Body).Decode(&addrs); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, addr := range addrs {
		context, err := srtp.CreateContext([]byte(limitKey), []byte(limitSalt), srtp.ProtectionProfileAeadAes128Gcm)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		l.receivers = append(l.receivers, &receiver{addr: addr, batch: l.conn.Open(addr), context: context})
	}
}

// run sends until ctx ends.
func (l *limit) run(ctx context.Context) error {
	stream := newVideo(usualGOP)
	var sender sender
	return everyFrame(ctx, func(int) error {
		if err := sender.prepare(stream.next(false), timestampOf(time.Now())); err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, r := range l.receivers {
			if err := sender.send(l.conn, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// sender holds a picture that all receivers get, and memory for one encrypted
// packet after another.
type sender struct {
	sequence uint16
	packets  [][]byte // of the picture; in clear
	clear    [keyframeParts + 1][maxPacket]byte
	header   rtp.Header
	cipher   [maxPacket]byte
}

// prepare makes the packets of a picture.
func (s *sender) prepare(payloads [][]byte, timestamp uint32) error {
	s.packets = s.packets[:0]
	for i, payload := range payloads {
		h := header(s.sequence, timestamp, i, len(payloads))
		h.PayloadType = payloadType
		s.sequence++
		packet := s.clear[i][:]
		n, err := h.MarshalTo(packet)
		if err != nil {
			return fmt.Errorf("make a packet: %w", err)
		}
		s.packets = append(s.packets, append(packet[:n], payload...))
	}
	return nil
}

func (s *sender) send(conn *egress.Conn, to *receiver) error {
	for _, packet := range s.packets {
		encrypted, err := to.context.EncryptRTP(s.cipher[:0], packet, &s.header)
		if err != nil {
			return fmt.Errorf("encrypt: %w", err)
		}
		if _, err := conn.WriteToAddrPort(encrypted, to.addr); err != nil {
			return fmt.Errorf("send to %v: %w", to.addr, err)
		}
	}
	// A receiver that has gone, or a full buffer, shows as loss.
	_ = to.batch.Flush()
	return nil
}
