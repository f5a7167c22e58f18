package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"atriptoken/handler"
)

// listeners are the ports, taken before anything starts: a port that is taken
// by somebody else stops the start with nothing half up.
type listeners struct{ console, api, issuer, atlas, secrets net.Listener }

func listenAll(o options) (listeners, error) {
	var l listeners
	for _, row := range []struct {
		port     port
		listener *net.Listener
	}{{o.console, &l.console}, {o.api, &l.api}, {o.issuer, &l.issuer}, {o.atlas, &l.atlas}, {o.secrets, &l.secrets}} {
		var err error
		if *row.listener, err = row.port.listen(); err != nil {
			return listeners{}, errors.Join(err, l.close())
		}
	}
	return l, nil
}

// listen takes the port on the loopback interface.
func (p port) listen() (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.number)))
	if err != nil {
		return nil, fmt.Errorf("cannot listen on port %d for %s: %w; choose another port by -%s, or 0 for any free one",
			p.number, p.what, err, p.flag)
	}
	return listener, nil
}

func (l listeners) addresses() addresses {
	url := func(l net.Listener) string { return "http://" + l.Addr().String() }
	return addresses{
		Console: url(l.console), API: url(l.api) + handler.Path, Issuer: url(l.issuer), Atlas: url(l.atlas), Secrets: url(l.secrets),
	}
}

// close closes what is open. A listener that a server has closed already is fine.
func (l listeners) close() error {
	var errs []error
	for _, listener := range []net.Listener{l.console, l.api, l.issuer, l.atlas, l.secrets} {
		if listener == nil {
			continue
		}
		if err := listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
