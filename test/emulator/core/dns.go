package core

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// dnsTTL is what load balancer names have in AWS, in seconds.
const dnsTTL = 60

type dnsServer struct {
	packets  net.PacketConn
	listener net.Listener
	done     sync.WaitGroup
}

// StartDNS answers A queries, over UDP and TCP on one address such as "127.0.0.1:0", for the names of load balancers that are in service; all
// other names are NXDOMAIN. It returns the address it listens on.
func (e *Emulator) StartDNS(addr string) (address string, stop func(), err error) {
	server := &dnsServer{}
	if server.listener, err = net.Listen("tcp", addr); err != nil {
		return "", nil, err
	}
	address = server.listener.Addr().String()
	if server.packets, err = net.ListenPacket("udp", address); err != nil {
		return "", nil, errors.Join(err, server.listener.Close())
	}
	server.done.Add(2)
	go e.serveUDP(server)
	go e.serveTCP(server)
	e.mu.Lock()
	e.dns = server
	e.mu.Unlock()
	return address, func() {
		_ = server.packets.Close()
		_ = server.listener.Close()
		server.done.Wait()
		e.mu.Lock()
		e.dns = nil
		e.mu.Unlock()
	}, nil
}

// DNSAddr is where the DNS server listens, "" if it isn't running.
func (e *Emulator) DNSAddr() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dns == nil {
		return ""
	}
	return e.dns.listener.Addr().String()
}

func (e *Emulator) serveUDP(server *dnsServer) {
	defer server.done.Done()
	buffer := make([]byte, 4096)
	for {
		n, from, err := server.packets.ReadFrom(buffer)
		if err != nil {
			return
		}
		if answer, err := e.resolve(buffer[:n]); err == nil {
			_, _ = server.packets.WriteTo(answer, from) // a lost datagram is asked for again
		}
	}
}

func (e *Emulator) serveTCP(server *dnsServer) {
	defer server.done.Done()
	for {
		connection, err := server.listener.Accept()
		if err != nil {
			return
		}
		go e.serveConnection(connection)
	}
}

func (e *Emulator) serveConnection(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	_ = connection.SetDeadline(time.Now().Add(10 * time.Second))
	for {
		var size uint16
		if binary.Read(connection, binary.BigEndian, &size) != nil {
			return
		}
		query := make([]byte, size)
		if _, err := io.ReadFull(connection, query); err != nil {
			return
		}
		answer, err := e.resolve(query)
		if err != nil {
			return
		}
		framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)
		if _, err := connection.Write(framed); err != nil {
			return
		}
	}
}

// resolve answers one DNS message.
func (e *Emulator) resolve(query []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil, err
	}
	question, err := parser.Question()
	if err != nil {
		return nil, err
	}
	answer := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true},
		Questions: []dnsmessage.Question{question},
	}
	addresses, found := e.lookup(strings.TrimSuffix(strings.ToLower(question.Name.String()), "."))
	if !found {
		answer.RCode = dnsmessage.RCodeNameError
	}
	for _, address := range addresses {
		if question.Type != dnsmessage.TypeA || !address.Is4() {
			continue
		}
		answer.Answers = append(answer.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: dnsTTL},
			Body:   &dnsmessage.AResource{A: address.As4()},
		})
	}
	return answer.Pack()
}

func (e *Emulator) lookup(name string) ([]netip.Addr, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.world.settle()
	for _, region := range e.world.regions {
		for _, service := range e.services {
			if service.Lookup == nil {
				continue
			}
			addresses, found := service.Lookup(region, name)
			if !found {
				continue
			}
			if fixed, err := netip.ParseAddr(e.config.DNSAddress); err == nil {
				addresses = []netip.Addr{fixed}
			}
			return addresses, true
		}
	}
	return nil, false
}
