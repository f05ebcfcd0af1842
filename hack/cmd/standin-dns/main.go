// Command standin-dns says of every DNS name that it is this machine, for load balancers that don't exist.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/standindns"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "standin-dns:", err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:0", "UDP `address` to answer on")
	flag.Parse()
	conn, err := net.ListenPacket("udp", *listen)
	if err != nil {
		return fmt.Errorf("--listen=%s: %w", *listen, err)
	}
	fmt.Println("answering on", conn.LocalAddr())
	return standindns.Serve(conn)
}
