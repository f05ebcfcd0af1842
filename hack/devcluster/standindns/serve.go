// Package standindns is a DNS server that says of every name that it is this machine. The names of load balancers that a
// stand-in for AWS makes up are known to no DNS server, and capa-apiserver waits until they are.
package standindns

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/net/dns/dnsmessage"
)

// ttl is how many seconds an answer may be remembered: it never changes.
const ttl = 60

var loopback = [4]byte{127, 0, 0, 1}

// Serve answers queries over UDP until the connection is closed.
func Serve(conn net.PacketConn) error {
	// Queries without extensions are at most this long (RFC 1035, section 4.2.1), and those of resolvers hardly longer.
	buffer := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a DNS query: %w", err)
		}
		reply, err := answer(buffer[:n])
		if err != nil {
			continue // nobody can be answered who asked nothing
		}
		if _, err := conn.WriteTo(reply, from); err != nil && !errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("answer a DNS query: %w", err)
		}
	}
}

// answer gives an address for a question about IPv4 addresses, and no records for any other.
func answer(query []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil, err
	}
	question, err := parser.Question()
	if err != nil {
		return nil, err
	}
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true},
		Questions: []dnsmessage.Question{question},
	}
	if question.Type == dnsmessage.TypeA {
		reply.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class, TTL: ttl},
			Body:   &dnsmessage.AResource{A: loopback},
		}}
	}
	return reply.Pack()
}
