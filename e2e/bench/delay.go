package main

import (
	"io"
	"net"
	"time"
)

// distance is a TCP relay that makes its target seem a round-trip time away.
// What passes is late by half of it in each direction, and nothing that a
// client sends arrives before the three-way handshake over that distance would
// have let it: on loopback the kernel answers the handshake at once.
type distance struct {
	listener net.Listener
	target   string
	rtt      time.Duration
}

// newDistance relays to the target's address from an address of its own.
func newDistance(target string, rtt time.Duration) (*distance, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &distance{listener, target, rtt}
	go d.serve()
	return d, nil
}

func (d *distance) addr() string { return d.listener.Addr().String() }

func (d *distance) close() { d.listener.Close() }

func (d *distance) serve() {
	for {
		near, err := d.listener.Accept()
		if err != nil {
			return
		}
		accepted := time.Now()
		far, err := net.Dial("tcp", d.target)
		if err != nil {
			near.Close()
			continue
		}
		go d.pump(far, near, accepted.Add(d.rtt))
		go d.pump(near, far, accepted)
	}
}

type packet struct {
	due  time.Time
	data []byte
}

// pump copies from one side to the other, each piece half a round trip late
// and none sent before notBefore.
func (d *distance) pump(to, from net.Conn, notBefore time.Time) {
	// Deep enough for what fits into a connection's window.
	queue := make(chan packet, 256)
	go func() {
		defer to.Close()
		for p := range queue {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.data); err != nil {
				break
			}
		}
		for range queue { // let the reader end
		}
	}()
	defer close(queue)
	for {
		data := make([]byte, 16<<10)
		n, err := from.Read(data)
		if n > 0 {
			sent := time.Now()
			if sent.Before(notBefore) {
				sent = notBefore
			}
			queue <- packet{sent.Add(d.rtt / 2), data[:n]}
		}
		if err != nil {
			if err != io.EOF {
				to.Close()
			}
			return
		}
	}
}
