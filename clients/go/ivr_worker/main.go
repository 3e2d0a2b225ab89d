// Takes calls of an application, asks for a digit, and connects with ENDPOINT on 1:
// ivr_worker APPLICATION ENDPOINT [--operators APPLICATION] [--name NAME] [--max-calls N]
// [--grace SECONDS] [--ids]
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	pb "callcontrol.example/clients/callcontrol/v1"
	"callcontrol.example/clients/program"
	"callcontrol.example/clients/service"
	"callcontrol.example/clients/working"
)

const usage = "ivr_worker APPLICATION ENDPOINT [--operators APPLICATION] [--name NAME] [--max-calls N] " +
	"[--grace SECONDS] [--ids]"

var (
	operators = flag.String("operators", "", "application whose workers get the call on 0")
	name      = flag.String("name", "ivr-worker", "name under which its calls are kept")
	maxCalls  = flag.Int("max-calls", 10, "calls at a time")
	grace     = flag.Float64("grace", 30, "seconds that calls may go on when it is to end")
	ids       = flag.Bool("ids", false, "put the id of the leg before each line about one")
)

func main() {
	words := program.Words(usage, 2)
	endpoint := program.Endpoint(words[1])
	connection, err := service.Connect()
	if err != nil {
		program.Fail(err)
	}
	ivr := menu{
		calls: pb.NewCallControlServiceClient(connection), endpoint: endpoint, operators: *operators,
	}
	registration := &pb.RegisterWorker{
		WorkerName: *name, Applications: words[:1], MaxCalls: int32(*maxCalls),
	}
	worker := working.New(registration, working.Program{
		Handle:  ivr.handle,
		Tell:    tell,
		OnBreak: func(err error) { fmt.Fprintln(os.Stderr, service.Sentence(err)) },
	})
	go drainAtSignal(worker)
	if err := worker.Run(); err != nil {
		program.Fail(err)
	}
	fmt.Println("done")
}

// drainAtSignal has the first signal drain, and the second one end the program at once.
func drainAtSignal(worker *working.Worker) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	<-signals
	worker.Drain(time.Duration(*grace * float64(time.Second)))
	<-signals
	os.Exit(130)
}

func tell(call *working.Call, line string) {
	if call != nil && *ids {
		line = call.ID + " " + line
	}
	fmt.Println(line)
}
