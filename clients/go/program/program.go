// Package program is what all programs have in common: the words they are given,
// and how they end.
package program

import (
	"flag"
	"fmt"
	"os"
	"strings"

	pb "callcontrol.example/clients/callcontrol/v1"
	"callcontrol.example/clients/service"
)

// Words reads the flags wherever they stand, and gives the other words; as many as are wanted.
// Wrong ones end the program with 2.
func Words(usage string, wanted int) []string {
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "usage:", usage) }
	var words []string
	for flag.Parse(); flag.NArg() > 0; flag.CommandLine.Parse(flag.Args()[1:]) {
		words = append(words, flag.Arg(0))
	}
	if len(words) != wanted {
		flag.Usage()
		os.Exit(2)
	}
	return words
}

// Endpoint is whom to call; words that name nobody end the program with 2.
func Endpoint(words string) *pb.Endpoint {
	kind, rest, _ := strings.Cut(words, "/")
	first, second, hasSecond := strings.Cut(rest, "/")
	switch {
	case kind == "user" && rest != "" && !hasSecond:
		user, domain, _ := strings.Cut(rest, "@")
		return &pb.Endpoint{Target: &pb.Endpoint_User{User: &pb.User{Id: user, Domain: domain}}}
	case kind == "gateway" && first != "" && second != "":
		gateway := &pb.GatewayNumber{Gateway: first, Number: second}
		return &pb.Endpoint{Target: &pb.Endpoint_Gateway{Gateway: gateway}}
	case kind == "sofia" && first != "" && second != "":
		address := &pb.SipAddress{Profile: first, Address: second}
		return &pb.Endpoint{Target: &pb.Endpoint_Sip{Sip: address}}
	case kind == "loopback" && first != "":
		loopback := &pb.Loopback{Extension: first, Context: second}
		return &pb.Endpoint{Target: &pb.Endpoint_Loopback{Loopback: loopback}}
	}
	fmt.Fprintf(os.Stderr, "%q is none of user/USER[@DOMAIN], gateway/GATEWAY/NUMBER, "+
		"sofia/PROFILE/USER@HOST, loopback/EXTENSION[/CONTEXT]\n", words)
	os.Exit(2)
	return nil
}

// Fail ends the program with what a request that failed says.
func Fail(err error) {
	fmt.Fprintln(os.Stderr, service.Sentence(err))
	os.Exit(1)
}
