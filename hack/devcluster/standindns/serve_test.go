package standindns

import (
	"context"
	"net"
	"slices"
	"testing"
)

func TestEveryNameIsThisMachine(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- Serve(conn) }()
	// What isn't a query must not end the server.
	stranger, err := net.Dial("udp", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if _, err := stranger.Write([]byte("?")); err != nil {
		t.Fatal(err)
	}

	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	for _, name := range []string{"some-elb-0123.us-east-1.elb.amazonaws.com", "another.example."} {
		got, err := resolver.LookupHost(t.Context(), name)
		if err != nil || !slices.Equal(got, []string{"127.0.0.1"}) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Errorf("ended with %v", err)
	}
}
