// Command outside is what the function calls when it runs in SAM's container on this machine: the simulators of Atlas and
// of Secrets Manager, on the address under which Docker's default network reaches the machine. `make sam-local` runs it;
// samconfig.toml, environment local, names the two ports.
package main

import (
	"flag"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"atriptoken/atlas/atlastest"
	"atriptoken/secret/secrettest"
)

func main() {
	address := flag.String("address", "172.17.0.1", "where containers reach this machine")
	flag.Parse()
	out := log.New(os.Stdout, "", 0)

	listen := func(port string) net.Listener {
		listener, err := net.Listen("tcp", net.JoinHostPort(*address, port))
		if err != nil {
			log.Fatal(err)
		}
		return listener
	}
	atlas := atlastest.NewServer(&atlastest.Options{Listener: listen("8403"), Logf: out.Printf})
	defer atlas.Close()
	// SAM CLI gives the function the secret's logical id in place of its ARN.
	secrets := secrettest.NewServer(&secrettest.Options{Listener: listen("8404"), Name: "AtlasSecret"})
	defer secrets.Close()
	out.Printf("Atlas %s, Secrets Manager %s", atlas.URL, secrets.URL)

	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)
	<-end
}
