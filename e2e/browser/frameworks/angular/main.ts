import { Component, CUSTOM_ELEMENTS_SCHEMA } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import 'atrip-link';

@Component({
  selector: 'main',
  schemas: [CUSTOM_ELEMENTS_SCHEMA],
  template: `<atrip-link endpoint="/getAtripToken.do" order-no="X1" role="Finance"
    [getAuthorization]="token" (atrip-done)="done()"></atrip-link>`,
})
class Page {
  readonly token = async () => 'Bearer angular';

  done() {
    document.title = 'done';
  }
}

void bootstrapApplication(Page);
