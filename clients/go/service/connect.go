// Package service is how programs speak with the service: connections, streams
// that are given up when they are silent, and what a failure says.
package service

import (
	"cmp"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

const longestMessage = 64 << 20

var reconnecting = backoff.Config{BaseDelay: time.Second, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second}

// AnyReplica is for streams that need not be at the first of several replicas: it refuses them
// while it is about to leave.
var AnyReplica = grpc.WithDefaultServiceConfig(
	`{"loadBalancingConfig": [{"pick_first": {"shuffleAddressList": true}}]}`)

// Connect gives a connection of its own to CALLCONTROL_TARGET, or to this
// machine. It connects with the first request.
func Connect(options ...grpc.DialOption) (*grpc.ClientConn, error) {
	target := cmp.Or(os.Getenv("CALLCONTROL_TARGET"), "127.0.0.1:50051")
	options = append(options,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 20 * time.Second}),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnecting, MinConnectTimeout: 20 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(longestMessage)),
	)
	return grpc.NewClient(target, append(options, severalAddresses(target)...)...)
}

// severalAddresses reads targets such as ipv4:10.0.0.1:50051,10.0.0.2:50051, which
// gRPC for Go does not know.
func severalAddresses(target string) []grpc.DialOption {
	scheme, list, _ := strings.Cut(target, ":")
	if scheme != "ipv4" && scheme != "ipv6" {
		return nil
	}
	var state resolver.State
	addresses := strings.Split(list, ",")
	for _, address := range addresses {
		one := []resolver.Address{{Addr: address}}
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: one})
	}
	replicas := manual.NewBuilderWithScheme(scheme)
	replicas.InitialState(state)
	return []grpc.DialOption{grpc.WithResolvers(replicas), grpc.WithAuthority(addresses[0])}
}
