package com.main.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.PriorityQueue;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TimerQueueTest {
    @Test
    void whateverIsAddedComesOutInOrder() {
        for (int seed = 0; seed < 20; seed++) {
            Random random = new Random(seed);
            TimerQueue queue = new TimerQueue();
            PriorityQueue<Long> model = new PriorityQueue<>();
            for (int step = 0; step < 20_000; step++) {
                if (model.isEmpty() || random.nextInt(5) < 3) {
                    long timeMs = random.nextInt(5000) - 1000;
                    queue.add(timeMs, (int) timeMs);
                    model.add(timeMs);
                } else {
                    long timeMs = model.remove();
                    assertThat(queue.firstMs()).isEqualTo(timeMs);
                    assertThat(queue.takeFirst()).isEqualTo((int) timeMs);
                }
                assertThat(queue.size()).isEqualTo(model.size());
                assertThat(queue.isEmpty()).isEqualTo(model.isEmpty());
            }
        }
    }
}
